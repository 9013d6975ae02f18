//! `stsd add --import`

use crate::cli::here::Here;
use crate::cli::output::Output;
use crate::domain::failure::Failure;
use crate::ports::session_store::Removal;
use crate::usecase::add::doubt;
use crate::usecase::import::{ImportRequest, Imported, Plan, import, plan};

pub(crate) async fn run(request: &ImportRequest, here: &Here, output: Output) -> Result<u8, Failure> {
    let name = &request.profile;
    let plan = plan(&here.ports, request).await?;
    if let Some(doubt) = doubt(&plan.key) {
        output.warn(doubt);
    }
    if request.verify && plan.in_file {
        output.say("asking AWS whose key it is …");
    }
    let imported = import(&here.ports, request, &plan).await?;
    here.reload().await;
    for warning in &imported.warnings {
        output.warn(warning);
    }
    output.say(&format!("{name}: {}", outcome(request, here, &plan, &imported)));
    if let Some(device) = &plan.device {
        output.say(&format!("{name}: MFA device {device}, as [{}] has it", request.section));
    }
    for (place, command) in &imported.copies {
        output.warn(&format!("{place}: {command}"));
    }
    if imported.ready {
        output.say(&format!("next: stsd refresh {name}"));
    }
    Ok(0)
}

/// Where the key was and where it is, in one sentence.
fn outcome(request: &ImportRequest, here: &Here, plan: &Plan, imported: &Imported) -> String {
    let (key, section) = (plan.key.id.last_four(), &request.section);
    if !plan.in_file {
        return format!(
            "nothing left to import: key {key} is in the keychain, [{section}] holds no long-term key"
        );
    }
    let stored = match &imported.identity {
        Some(identity) => format!("key {key} of {} stored in the keychain", identity.arn),
        None => format!("key {key} stored in the keychain (unverified)"),
    };
    match imported.removal {
        Some(Removal::Removed | Removal::Absent) => {
            format!("{stored} and taken out of [{section}] in {}", here.ports.store.path().display())
        }
        Some(Removal::Foreign) | None => stored,
    }
}

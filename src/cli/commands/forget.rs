//! `stsd forget`

use crate::cli::args::ForgetArgs;
use crate::cli::here::{Here, Silent, unexpected};
use crate::cli::output::Output;
use crate::cli::profile;
use crate::daemon::answers;
use crate::domain::failure::Failure;
use crate::domain::profile::ProfileName;
use crate::protocol::message::{Action, Answer, Forgotten, Outcome, Removal};
use crate::usecase::forget::{Which, forget};
use crate::usecase::profiles::load_config;

pub(crate) async fn run(args: &ForgetArgs, here: &Here, output: Output) -> Result<u8, Failure> {
    let profiles: Vec<ProfileName> =
        args.profiles.iter().map(|name| profile(name)).collect::<Result<_, _>>()?;
    let config = load_config(&here.ports)?;
    let outcomes = if let Some(daemon) = here.daemon().await? {
        let profiles = profiles.iter().map(ToString::to_string).collect();
        match daemon.call(Action::Forget { profiles, all: args.all }, &mut Silent).await? {
            Answer::Forgotten(outcomes) => outcomes,
            Answer::Refreshed(_) | Answer::Status(_) | Answer::Nothing => return Err(unexpected()),
        }
    } else {
        let which = if args.all { Which::All } else { Which::Named(profiles) };
        answers::forgotten(forget(&here.ports, &config, &which).await?)
    };
    let mut first_failure = None;
    let mut gone = false;
    for Outcome { profile, result } in outcomes {
        match result {
            Ok(forgotten) => {
                gone |= forgotten.sections.iter().any(|(_, removal)| *removal == Removal::Removed);
                tell(output, &profile, &forgotten);
            }
            Err(failure) => {
                let failure = Failure::from(failure);
                output.failure(&failure);
                first_failure.get_or_insert(failure.class.exit_code());
            }
        }
    }
    if gone {
        output.say("note: AWS itself honours a session until it expires; copies of it still work until then");
    }
    Ok(first_failure.unwrap_or(0))
}

/// Says what became of each section.
pub(crate) fn tell(output: Output, profile: &str, forgotten: &Forgotten) {
    for (section, removal) in &forgotten.sections {
        match removal {
            Removal::Removed => output.say(&format!("{profile}: session removed from [{section}]")),
            Removal::Absent => output.say(&format!("{profile}: no session in [{section}]")),
            Removal::Foreign => output.warn(&format!(
                "{profile}: [{section}] holds credentials that stsd did not write; they were left alone"
            )),
        }
    }
}

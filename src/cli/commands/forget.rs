//! `stsd forget`

use crate::cli::args::ForgetArgs;
use crate::cli::output::Output;
use crate::cli::profile;
use crate::domain::failure::Failure;
use crate::domain::profile::ProfileName;
use crate::ports::session_store::Removal;
use crate::usecase::Ports;
use crate::usecase::forget::{Forgotten, Which, forget};
use crate::usecase::profiles::load_config;

pub(crate) async fn run(args: &ForgetArgs, ports: &Ports, output: Output) -> Result<u8, Failure> {
    let which = if args.all {
        Which::All
    } else {
        Which::Named(args.profiles.iter().map(|name| profile(name)).collect::<Result<_, _>>()?)
    };
    let config = load_config(ports)?;
    let mut first_failure = None;
    let mut gone = false;
    for (name, result) in forget(ports, &config, &which).await? {
        match result {
            Ok(forgotten) => {
                gone |= forgotten.had_session();
                tell(output, &name, &forgotten);
            }
            Err(failure) => {
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
pub(crate) fn tell(output: Output, name: &ProfileName, forgotten: &Forgotten) {
    for (section, removal) in &forgotten.sections {
        match removal {
            Removal::Removed => output.say(&format!("{name}: session removed from [{section}]")),
            Removal::Absent => output.say(&format!("{name}: no session in [{section}]")),
            Removal::Foreign => output.warn(&format!(
                "{name}: [{section}] holds credentials that stsd did not write; they were left alone"
            )),
        }
    }
}

//! `stsd remove`

use crate::cli::args::RemoveArgs;
use crate::cli::commands::forget::tell;
use crate::cli::here::{Here, Silent, unexpected};
use crate::cli::output::Output;
use crate::cli::{profile, terminal};
use crate::daemon::answers;
use crate::domain::failure::{Failure, FailureClass};
use crate::protocol::message::{Action, Answer};
use crate::usecase::profiles::load_config;
use crate::usecase::remove::{check, remove};

pub(crate) async fn run(args: &RemoveArgs, here: &Here, output: Output) -> Result<u8, Failure> {
    let name = profile(&args.profile)?;
    let config = load_config(&here.ports)?;
    check(&here.ports, &config, &name).await?;
    if !args.yes {
        if !terminal::is_there() {
            return Err(Failure::new(
                FailureClass::Usage,
                "there is no terminal to ask at whether the key may be deleted",
            )
            .hint(format!("stsd remove {name} --yes")));
        }
        let question =
            format!("Delete the key of {name} from the keychain? It cannot be brought back. [y/N] ");
        if !matches!(terminal::ask(&question)?.as_str(), "y" | "Y" | "yes") {
            output.say("nothing was deleted");
            return Ok(0);
        }
    }
    let outcomes = if let Some(daemon) = here.daemon().await? {
        let profile = name.to_string();
        match daemon.call(Action::Remove { profile }, &mut Silent).await? {
            Answer::Forgotten(outcomes) => outcomes,
            Answer::Refreshed(_) | Answer::Status(_) | Answer::Nothing => return Err(unexpected()),
        }
    } else {
        let forgotten = remove(&here.ports, &config, &name).await?;
        answers::forgotten(vec![(name.clone(), Ok(forgotten))])
    };
    for outcome in outcomes {
        tell(output, name.as_str(), &outcome.result?);
    }
    let settings = match config.profile(&name) {
        Some(_) => format!("; its settings stay in {}", here.ports.config.path().display()),
        None => String::new(),
    };
    output.say(&format!("{name}: key deleted from the keychain{settings}"));
    Ok(0)
}

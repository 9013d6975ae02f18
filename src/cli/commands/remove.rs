//! `stsd remove`

use crate::cli::args::RemoveArgs;
use crate::cli::commands::forget::tell;
use crate::cli::output::Output;
use crate::cli::{profile, terminal};
use crate::domain::failure::{Failure, FailureClass};
use crate::usecase::Ports;
use crate::usecase::profiles::load_config;
use crate::usecase::remove::{check, remove};

pub(crate) async fn run(args: &RemoveArgs, ports: &Ports, output: Output) -> Result<u8, Failure> {
    let name = profile(&args.profile)?;
    let config = load_config(ports)?;
    check(ports, &config, &name).await?;
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
    let forgotten = remove(ports, &config, &name).await?;
    tell(output, &name, &forgotten);
    let settings = match config.profile(&name) {
        Some(_) => format!("; its settings stay in {}", ports.config.path().display()),
        None => String::new(),
    };
    output.say(&format!("{name}: key deleted from the keychain{settings}"));
    Ok(0)
}

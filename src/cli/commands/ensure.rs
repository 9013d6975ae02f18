//! `stsd ensure`

use std::str::FromStr as _;
use std::time::Duration;

use super::refresh::{Renewal, renew};
use super::status::{is_valid, statuses, words};
use crate::cli::args::EnsureArgs;
use crate::cli::here::Here;
use crate::cli::output::Output;
use crate::cli::{flag, profile};
use crate::config::Config;
use crate::domain::duration::Human;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::profile::ProfileName;
use crate::protocol::message::ProfileStatus;
use crate::usecase::profiles::{load_config, resolve, select};

pub(crate) async fn run(args: &EnsureArgs, here: &Here, output: Output) -> Result<u8, Failure> {
    let names = args.profiles.iter().map(|name| profile(name)).collect::<Result<Vec<_>, _>>()?;
    let least = flag("ensure", "--min", args.min.as_deref(), Human::from_str)?.map(|least| least.0);
    let config = load_config(&here.ports)?;
    let names: Vec<_> = select(&config, &names, here.ports.config.path())?
        .into_iter()
        .map(|profile| profile.name.clone())
        .collect();
    let (enough, wanting) = divided(here, &config, &names, least).await?;
    for one in enough {
        output.say(&format!("{}: {} left", one.profile, words(left(&one))));
    }
    if wanting.is_empty() {
        return Ok(0);
    }
    for name in &wanting {
        can_last(here, &config, name, least).await?;
    }
    let renewal = Renewal {
        profiles: wanting.clone(),
        duration: None,
        given: None,
        least: Some(least.unwrap_or_default()),
    };
    let code = renew(renewal, here, &config, output).await?;
    if code != 0 {
        return Ok(code);
    }
    // AWS may grant less than was asked for.
    match divided(here, &config, &wanting, least).await?.1.first() {
        None => Ok(0),
        Some(name) => Err(Failure::new(
            FailureClass::NoSession,
            format!("the new session of {name} is shorter than --min asks"),
        )
        .hint(format!("stsd status {name}"))),
    }
}

/// Those with enough time left, and those without.
async fn divided(
    here: &Here,
    config: &Config,
    names: &[ProfileName],
    least: Option<Duration>,
) -> Result<(Vec<ProfileStatus>, Vec<ProfileName>), Failure> {
    let statuses = statuses(here.daemon().await?, here, config, names).await?;
    let has_enough = |one: &ProfileStatus| is_valid(one) && least.is_none_or(|least| left(one) >= least);
    let enough: Vec<_> = statuses.into_iter().filter(has_enough).collect();
    let is_enough = |name: &ProfileName| enough.iter().any(|one| one.profile == name.as_str());
    let wanting = names.iter().filter(|name| !is_enough(name)).cloned().collect();
    Ok((enough, wanting))
}

fn left(one: &ProfileStatus) -> Duration {
    Duration::from_secs(one.seconds_left.unwrap_or_default())
}

/// Refuses what no code could bring about, before one is asked for.
async fn can_last(
    here: &Here,
    config: &Config,
    name: &ProfileName,
    least: Option<Duration>,
) -> Result<(), Failure> {
    let (Some(least), Some(profile)) = (least, config.profile(name)) else { return Ok(()) };
    let state = here.ports.state.load().await;
    let lasts = resolve(&here.ports, config, profile, &state, None).await?.duration;
    let lasts = Duration::from_secs(lasts.as_secs());
    if least < lasts {
        return Ok(());
    }
    let (least, lasts) = (Human(least), Human(lasts));
    let message = format!("--min {least}: a session of {name} lasts {lasts}, so it never has that much left");
    Err(Failure::new(FailureClass::Usage, message)
        .hint(format!("ask for less, or set duration = \"36h\" in [profiles.{name}] of config.toml")))
}

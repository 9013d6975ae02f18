//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; status: every profile asked for has a valid session
  1  a bug, or a failure with no class of its own
  2  usage, also a code of the wrong shape
  3  configuration, unknown profile
  4  no valid session, or a code is needed and nobody can be asked; service status: it does not run
  5  the code or the MFA device was refused
  6  AWS refused the key or the call
  7  keychain absent, locked, or the item is missing
  8  the credentials file cannot be edited safely (nothing was changed)
  9  network or STS unavailable: try again

Example:
  stsd add work --mfa-serial arn:aws:iam::123456789012:mfa/alice
  stsd refresh work
  aws --profile work sts get-caller-identity";

/// Turn one MFA code into a session that every AWS tool finds
#[derive(Debug, Parser)]
#[command(name = "stsd", version, after_help = EXIT_CODES, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Args {
    /// Read this configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Log what changes; twice: also what happens between
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print nothing but data and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// At a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(AddArgs),
    Remove(RemoveArgs),
    Refresh(RefreshArgs),
    Ensure(EnsureArgs),
    Status(StatusArgs),
    Forget(ForgetArgs),
    Service(ServiceArgs),
    Daemon(DaemonArgs),
    Completions(CompletionsArgs),
}

/// Store a long-term key in the keychain
///
/// The secret is asked for with a hidden prompt; when stdin is no terminal, it is stdin's one line. The key is checked
/// with AWS before it is stored. An existing table [profiles.PROFILE] is kept, only what the flags say changes.
///
/// With --import the key is moved out of a section of ~/.aws/credentials: stored, read back, compared and checked with
/// AWS, and only then taken out of the file. If it is stopped, run it again.
///
/// With --totp-seed - the codes are made from the seed of the MFA device (base32, or the URI of its QR code) and no
/// refresh needs you any more. The seed is asked for with a hidden prompt and checked against a code that you type; when
/// stdin is no terminal, it is a line of stdin, after the secret if that is needed too, and it is not checked. If the
/// profile's key is in the keychain already and --access-key-id is not given, only the seed is stored. With seed and key
/// in one place there is no second factor any more.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  stsd add work --mfa-serial arn:aws:iam::123456789012:mfa/alice
  pass show aws/work | stsd add work --access-key-id AKIAXXXXXXXXXXXXXXXX
  stsd add work --import work
  stsd add work --totp-seed -
  (pass show aws/work; pass show aws/seed) | stsd add work --access-key-id AKIAXXXXXXXXXXXXXXXX --totp-seed -")]
pub(crate) struct AddArgs {
    /// The profile to make or to give another key
    #[arg(value_name = "PROFILE")]
    pub(crate) profile: String,
    /// The id of the key (asked for at a terminal)
    #[arg(long, value_name = "ID")]
    pub(crate) access_key_id: Option<String>,
    /// Move the key out of this section of the credentials file
    #[arg(long, value_name = "SECTION", conflicts_with = "access_key_id")]
    pub(crate) import: Option<String>,
    /// Leave the imported key in the file too
    #[arg(long, requires = "import")]
    pub(crate) keep_file: bool,
    /// The MFA device: its ARN, or the serial of a hardware token
    #[arg(long, value_name = "ARN")]
    pub(crate) mfa_serial: Option<String>,
    /// The region of the STS endpoint
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// How long a session is asked for, 15m to 36h
    #[arg(long, value_name = "DURATION")]
    pub(crate) duration: Option<String>,
    /// Store the seed of the MFA device too, read like the secret; sets mfa = "totp"
    #[arg(long, value_name = "-", allow_hyphen_values = true, conflicts_with = "import")]
    pub(crate) totp_seed: Option<Hidden>,
    /// Store the key without asking AWS whether it works
    #[arg(long)]
    pub(crate) no_verify: bool,
}

/// Forget the session and delete the key, and the seed, from the keychain
///
/// The profile's settings stay in the configuration.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  stsd remove work")]
pub(crate) struct RemoveArgs {
    /// The profile
    #[arg(value_name = "PROFILE")]
    pub(crate) profile: String,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// Get a new session with one MFA code and write it into the credentials file
///
/// Without --code the code is asked for at the terminal, without a terminal by a dialog on the desktop (see prompt in the
/// configuration), or it comes from the seed or the command that the profile's mfa names. Whoever waits for a session of
/// the same device shares one code; a refused one is asked for again, three times at most. A code on the command line is
/// seen by other users in the list of processes and stays in the shell's history; it is worthless once used.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  stsd refresh
  stsd refresh work --code 123456
  oathtool -b --totp @seed | stsd refresh work --code -")]
pub(crate) struct RefreshArgs {
    /// The profiles; may be left out where one is configured, or with a default profile
    #[arg(value_name = "PROFILE")]
    pub(crate) profiles: Vec<String>,
    /// The six digits, or - to read them from stdin
    #[arg(long, value_name = "CODE", allow_hyphen_values = true)]
    pub(crate) code: Option<Hidden>,
    /// How long a session is asked for, 15m to 36h
    #[arg(long, value_name = "DURATION")]
    pub(crate) duration: Option<String>,
}

/// Succeed at once if a session has enough time left, else get a new one
///
/// For scripts, before something that takes long. A code is asked for only if it is needed: at the terminal, or without
/// one by a dialog on the desktop; where there is neither, the command fails at once (exit 4).
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  stsd ensure
  stsd ensure work --min 2h && terraform apply")]
pub(crate) struct EnsureArgs {
    /// The profiles; may be left out where one is configured, or with a default profile
    #[arg(value_name = "PROFILE")]
    pub(crate) profiles: Vec<String>,
    /// How much time must be left, such as 2h; without it any time will do
    #[arg(long, value_name = "DURATION")]
    pub(crate) min: Option<String>,
}

/// An argument that no `Debug` shows.
#[derive(Clone)]
pub(crate) struct Hidden(pub(crate) String);

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Show the sessions
///
/// Exits with 0 if every profile asked for has a valid session, else with 4.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  stsd status\n  stsd status work --json")]
pub(crate) struct StatusArgs {
    /// The profiles; all if left out
    #[arg(value_name = "PROFILE")]
    pub(crate) profiles: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw the table anew at every change, until Ctrl-C (needs the daemon)
    #[arg(long, conflicts_with = "json")]
    pub(crate) watch: bool,
}

/// Drop the session everywhere; the key stays
///
/// AWS itself honours a session until it expires.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  stsd forget work\n  stsd forget --all")]
pub(crate) struct ForgetArgs {
    /// The profiles; may be left out where one is configured, or with a default profile
    #[arg(value_name = "PROFILE", conflicts_with = "all")]
    pub(crate) profiles: Vec<String>,
    /// All profiles
    #[arg(long)]
    pub(crate) all: bool,
}

/// Hold the clock: warn on the desktop before sessions expire, answer the other commands
///
/// Runs until it is told to stop (Ctrl-C, SIGTERM); SIGHUP reads the configuration again. One per user. To have it
/// started at login: stsd service install
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  stsd daemon -v")]
pub(crate) struct DaemonArgs {}

/// Start the daemon at login, by systemd or launchd
#[derive(Debug, ClapArgs)]
#[command(
    disable_help_subcommand = true,
    after_help = "\
Examples:
  stsd service install
  stsd service install --print
  stsd service status
  stsd service logs --follow"
)]
pub(crate) struct ServiceArgs {
    /// Show what would be written and run, and do nothing
    #[arg(long = "print", global = true)]
    pub(crate) only_show: bool,
    #[command(subcommand)]
    pub(crate) action: ServiceAction,
}

/// What becomes of the service.
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceAction {
    /// Write the service for this program and start it, now and at each login
    ///
    /// Linux: systemd's user units stsd.service and stsd.socket, in ~/.config/systemd/user. macOS: the agent
    /// io.github.stsd. It names the path of the program that runs this command. Safe to run again: after an upgrade it
    /// writes what has changed and starts the new program. A file that stsd did not write, or that was changed since, is
    /// left alone and named.
    #[command(after_help = "Examples:\n  stsd service install\n  stsd service install --print")]
    Install,
    /// Stop the daemon, start it no more, and remove what was written
    ///
    /// Keys, settings and sessions stay, and so do drop-ins of yours and the log. Safe to run again.
    #[command(after_help = "Example:\n  stsd service uninstall")]
    Uninstall,
    /// Start the daemon anew, such as after an upgrade; commands wait meanwhile
    ///
    /// What it has in hand is finished first. The sessions stay.
    #[command(after_help = "Example:\n  stsd service restart")]
    Restart,
    /// Show whether the daemon runs and starts at login, since when, and how it failed last
    ///
    /// Exits with 0 if it runs, else with 4.
    #[command(after_help = "Example:\n  stsd service status")]
    Status,
    /// Show the daemon's log: the journal of its unit, on macOS its file
    #[command(after_help = "Examples:\n  stsd service logs\n  stsd service logs --follow")]
    Logs {
        /// Go on with what comes, until Ctrl-C
        #[arg(short, long)]
        follow: bool,
    },
}

/// Print the completion script of a shell
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  stsd completions bash > ~/.local/share/bash-completion/completions/stsd")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

//! A code is spent last and once; a session that was paid for is not lost lightly.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stsd::domain::endpoint::StsSite;
use stsd::domain::failure::FailureClass;
use stsd::domain::keys::{LongTermKey, SessionCredentials};
use stsd::domain::mfa::MfaCode;
use stsd::ports::Answer;
use stsd::ports::sts::{CallerIdentity, SessionRequest, Sts, StsError};
use stsd::usecase::refresh::CodeWanted;

use stsd_test_support::not_run;

use crate::world::{Asked, World};

/// Something that happens in the world while STS is asked: after every check, before the write.
struct Meanwhile<F> {
    sts: Arc<dyn Sts>,
    happens: F,
}

impl<F: Fn() + Send + Sync> Sts for Meanwhile<F> {
    fn check<'a>(&'a self, site: &'a StsSite) -> Answer<'a, Result<(), StsError>> {
        self.sts.check(site)
    }

    fn caller_identity<'a>(
        &'a self,
        site: &'a StsSite,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<CallerIdentity, StsError>> {
        self.sts.caller_identity(site, key)
    }

    fn session_token<'a>(
        &'a self,
        site: &'a StsSite,
        key: &'a LongTermKey,
        request: &'a SessionRequest,
    ) -> Answer<'a, Result<SessionCredentials, StsError>> {
        Box::pin(async move {
            let answer = self.sts.session_token(site, key, request).await;
            (self.happens)();
            answer
        })
    }
}

fn meanwhile(world: &mut World, happens: impl Fn() + Send + Sync + 'static) {
    world.ports.sts = Arc::new(Meanwhile { sts: Arc::<dyn Sts>::clone(&world.ports.sts), happens });
}

/// A small disk of its own, which ends with the test.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Needs root; says so where it cannot be had.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        not_run("a full disk: needs the right to mount a tmpfs");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        assert!(Command::new("umount").arg(self.0.path()).status().is_ok_and(|status| status.success()));
    }
}

/// Writes until nothing more fits.
fn fill(folder: &Path) {
    let mut rest = fs::File::create(folder.join("filler")).unwrap();
    while std::io::Write::write_all(&mut rest, &[b'x'; 512]).is_ok() {}
}

/// A world whose credentials file lies on a small disk.
fn on(disk: &SmallDisk) -> World {
    let world = World::with_work();
    fs::write(disk.path().join("credentials"), "[default]\nregion = x\n").unwrap();
    std::os::unix::fs::symlink(disk.path(), world.path(".aws")).unwrap();
    world
}

#[test]
fn a_disk_that_is_full_before_the_code_costs_no_code() {
    let Some(disk) = SmallDisk::mount() else { return };
    let world = on(&disk);
    let asked = AtomicUsize::new(0);
    let codes = Asked(|_: &CodeWanted| {
        asked.fetch_add(1, Ordering::SeqCst);
        // Full between the check and the write: somebody types slowly.
        fill(disk.path());
        Ok(MfaCode::parse(&world.sts.unused_code(&world.sts.alice().serial)).unwrap())
    });
    let before = world.credentials();
    for expected in [1, 1] {
        let failure = world.refresh_all(&["work"], &codes).unwrap().remove(0).1.unwrap_err();
        assert_eq!(failure.class, FailureClass::CredentialsFile, "{failure}");
        assert_eq!(world.credentials(), before);
        assert_eq!(asked.load(Ordering::SeqCst), expected, "with a full disk nobody is asked");
    }
    assert!(world.sts.requests().is_empty());
}

#[test]
fn a_disk_that_fills_up_during_the_call_does_not_lose_the_session() {
    let Some(disk) = SmallDisk::mount() else { return };
    let mut world = on(&disk);
    let folder = disk.path().to_owned();
    meanwhile(&mut world, move || fill(&folder));
    world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap();
    assert!(world.credentials().starts_with("[default]\nregion = x\n"));
    assert!(world.credentials().contains("aws_session_token"));
}

#[test]
fn a_file_that_is_replaced_by_a_directory_during_the_call_is_said_to_be_unwritten() {
    let mut world = World::with_work();
    let file = world.path(".aws/credentials");
    world.write(".aws/credentials", "[default]\n");
    meanwhile(&mut world, move || {
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
    });
    let failure = world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap_err();
    assert_eq!(failure.class, FailureClass::CredentialsFile);
    assert!(failure.to_string().starts_with("the session was obtained but not written"), "{failure}");
    assert_eq!(world.sts.codes_sent(), 1);
}

#[test]
fn what_another_program_writes_during_the_call_is_kept() {
    let mut world = World::with_work();
    let file = world.path(".aws/credentials");
    world.write(".aws/credentials", "[default]\nregion = x\n");
    meanwhile(&mut world, move || fs::write(&file, "[default]\nregion = theirs\n[new]\na = b\n").unwrap());
    world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap();
    let after = world.credentials();
    assert!(after.starts_with("[default]\nregion = theirs\n[new]\na = b\n"), "{after}");
    assert!(after.contains("[work]\naws_access_key_id = ASIA"), "{after}");
}

#[test]
fn nobody_is_asked_for_a_code_in_vain() {
    let world = World::with_work();
    let nobody = Asked(|_: &CodeWanted| panic!("asked although the file cannot be edited"));
    world.write(".aws/credentials", "[work]\n[work]\n");
    let failure = world.refresh_all(&["work"], &nobody).unwrap().remove(0).1.unwrap_err();
    assert_eq!(failure.class, FailureClass::CredentialsFile);
}

#[test]
fn refreshes_at_once_lose_nothing() {
    let world = World::with_work();
    world.write(".aws/credentials", "[default]\nregion = x\n");
    let names: Vec<String> = (0..8).map(|number| format!("p{number}")).collect();
    let tables: Vec<String> =
        names.iter().map(|name| format!("[profiles.{name}]\nmfa = \"none\"\n")).collect();
    let text = tables.concat();
    world.configure(&text);
    let alice = world.sts.alice();
    for name in &names {
        world.keychain.put(name, crate::world::key(&alice.access_key_id, &alice.secret_access_key));
    }
    let ports = &world.ports;
    std::thread::scope(|threads| {
        for name in &names {
            threads.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let profiles = vec![crate::world::name(name)];
                let request = stsd::usecase::refresh::RefreshRequest { profiles, duration: None };
                runtime.block_on(async {
                    let config = stsd::usecase::profiles::load_config(ports).unwrap();
                    let given = crate::world::Given::new("123456");
                    let outcome =
                        stsd::usecase::refresh::refresh(ports, &config, &request, &given).await.unwrap();
                    assert!(outcome.profiles[0].1.is_ok(), "{:?}", outcome.profiles[0].1);
                    if let Some(write) = outcome.settling {
                        write.finish(ports).await.unwrap();
                    }
                });
            });
        }
    });
    let file = world.credentials();
    assert!(file.starts_with("[default]\nregion = x\n"));
    for name in &names {
        assert!(file.contains(&format!("[{name}]\n")), "{name} was lost");
        assert_eq!(world.status(name).unwrap().status.state, stsd::domain::session::State::Active);
    }
}

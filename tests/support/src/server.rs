//! The server as a test holds it.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::connection;
use crate::fault::{Fault, Rule};
use crate::identity::Identity;
use crate::log::Request;
use crate::state::Shared;
use crate::world::{KeyState, World};

/// A running STS on loopback; it stops when dropped.
///
/// It runs on a thread of its own, so that synchronous tests and tests inside any runtime can hold it.
#[derive(Debug)]
pub struct StrictSts {
    url: String,
    port: u16,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StrictSts {
    /// Starts a server that knows nobody.
    #[must_use]
    pub fn start() -> Self {
        Self::with_world(World::default())
    }

    /// Starts a server with alice, bob, carol and a role: [`World::with_alice`].
    #[must_use]
    pub fn with_alice() -> Self {
        Self::with_world(World::with_alice())
    }

    /// Starts a server with a world, on a free port.
    #[must_use]
    pub fn with_world(world: World) -> Self {
        Self::bind(0, world).expect("loopback has a free port")
    }

    /// Starts a server with a world, on a port; 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn bind(port: u16, world: World) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::new(world));
        let (stop, stopped) = oneshot::channel();
        let state = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("strict-sts".to_owned())
            .spawn(move || run(listener, &state, stopped))?;
        let url = format!("http://127.0.0.1:{port}");
        Ok(Self { url, port, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The endpoint, `http://127.0.0.1:PORT`, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user alice.
    #[must_use]
    pub fn alice(&self) -> Identity {
        self.identity("alice")
    }

    /// The user bob, in alice's account.
    #[must_use]
    pub fn bob(&self) -> Identity {
        self.identity("bob")
    }

    /// The user carol, in another account.
    #[must_use]
    pub fn carol(&self) -> Identity {
        self.identity("carol")
    }

    /// The first user of a name.
    ///
    /// # Panics
    /// When there is none, or it has no key or no device.
    #[must_use]
    pub fn identity(&self, name: &str) -> Identity {
        Identity::of(&self.shared.lock().world, name)
            .expect("the world has this user, with a key and a device")
    }

    /// Looks at the world, or changes it. The server waits meanwhile.
    pub fn world<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        change(&mut self.shared.lock().world)
    }

    /// The requests so far, in the order of their arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().log.clone()
    }

    /// The requests of one action so far.
    #[must_use]
    pub fn requests_of(&self, action: &str) -> Vec<Request> {
        self.shared.lock().log.iter().filter(|request| request.action == action).cloned().collect()
    }

    /// Counts the requests so far that bore a one-time code.
    #[must_use]
    pub fn codes_sent(&self) -> usize {
        self.shared.lock().log.iter().filter(|request| request.code.is_some()).count()
    }

    /// Forgets the requests so far; their numbers go on.
    pub fn clear_requests(&self) {
        self.shared.lock().log.clear();
    }

    /// Waits until the requests so far fulfil `enough`; whether they did before `timeout` was over.
    #[must_use]
    pub fn wait_for_requests(&self, timeout: Duration, enough: impl Fn(&[Request]) -> bool) -> bool {
        self.shared.wait(timeout, enough)
    }

    /// Applies a fault to the next `times` requests of any action.
    pub fn fail_next(&self, times: u32, fault: Fault) {
        self.push(Rule { fault, action: None, left: Some(times) });
    }

    /// Applies a fault to the next `times` requests of one action.
    pub fn fail_next_of(&self, action: &str, times: u32, fault: Fault) {
        self.push(Rule { fault, action: Some(action.to_owned()), left: Some(times) });
    }

    /// Applies a fault to all requests of one action until [`StrictSts::clear_faults`].
    pub fn fail_action(&self, action: &str, fault: Fault) {
        self.push(Rule { fault, action: Some(action.to_owned()), left: None });
    }

    /// Applies a fault to all requests until [`StrictSts::clear_faults`].
    pub fn fail_always(&self, fault: Fault) {
        self.push(Rule { fault, action: None, left: None });
    }

    /// Takes back all faults. What hangs already goes on hanging.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Sets how far the server's clock is ahead, in seconds. It rules the signature's window, the Date header,
    /// expirations **and one-time codes**: [`StrictSts::fresh_code`] follows it.
    pub fn set_clock_skew(&self, seconds: i64) {
        self.shared.lock().knobs.clock_skew = seconds;
    }

    /// Sets the life of all that is issued from now on, in seconds, whatever is asked for; `None` gives what is asked.
    pub fn set_session_seconds(&self, seconds: Option<i64>) {
        self.shared.lock().knobs.session_seconds = seconds;
    }

    /// Sets the size of session tokens, in characters; 400 unless told.
    pub fn set_token_size(&self, characters: usize) {
        self.shared.lock().knobs.token_size = characters;
    }

    /// Sets whether all that is issued from now on has expired an hour ago.
    pub fn set_expired_answers(&self, expired: bool) {
        self.shared.lock().knobs.expired_answers = expired;
    }

    /// Activates, deactivates or deletes a long-term key.
    ///
    /// # Panics
    /// When there never was such a key.
    pub fn set_key_state(&self, access_key_id: &str, state: KeyState) {
        self.world(|world| {
            world.key_mut(access_key_id).expect("the world has this key").state = state;
        });
    }

    /// Sets how many steps of 30 seconds a code may be off, either way; 1 unless told.
    pub fn set_code_tolerance(&self, steps: u64) {
        self.world(|world| world.set_code_tolerance(steps));
    }

    /// Forgets which codes were used, of all devices.
    pub fn reset_used_codes(&self) {
        self.world(World::reset_used_codes);
    }

    /// Forgets which codes of a device were used and gives its current one. It may be one that was used before: see
    /// [`StrictSts::unused_code`] for callers that remember codes themselves.
    ///
    /// # Panics
    /// When there is no such device.
    #[must_use]
    pub fn fresh_code(&self, serial: &str) -> String {
        self.shared.lock().fresh_code(serial)
    }

    /// Gives a code that is taken now and was neither used nor given out before: of the step before, the current or the
    /// next one. More than three in 90 seconds need [`StrictSts::set_code_tolerance`].
    ///
    /// # Panics
    /// When there is no such device, or all codes of the window were used.
    #[must_use]
    pub fn unused_code(&self, serial: &str) -> String {
        self.shared.lock().unused_code(serial).expect("not all codes of the window were used")
    }

    /// Gives a well-formed code that is refused; another one each time.
    ///
    /// # Panics
    /// When there is no such device.
    #[must_use]
    pub fn wrong_code(&self, serial: &str) -> String {
        self.shared.lock().wrong_code(serial)
    }

    /// Gives the code of the step that is `steps` after the current one.
    ///
    /// # Panics
    /// When there is no such device.
    #[must_use]
    pub fn code_at_offset(&self, serial: &str, steps: i64) -> String {
        self.shared.lock().code_at_offset(serial, steps)
    }

    /// Stops the server: connections end, the port refuses.
    pub fn stop(self) {
        drop(self);
    }

    fn push(&self, rule: Rule) {
        self.shared.lock().faults.push(rule);
    }
}

impl Drop for StrictSts {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Accepts connections until the other half of `stopped` is gone; then all of them end with the runtime.
fn run(listener: TcpListener, shared: &Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("the listener is non-blocking");
        let state = Arc::clone(shared);
        tokio::spawn(async move {
            loop {
                if let Ok((stream, _peer)) = listener.accept().await {
                    tokio::spawn(connection::serve(stream, Arc::clone(&state)));
                }
            }
        });
        drop(stopped.await);
    });
}

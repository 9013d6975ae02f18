//! How many connections there are, how many of them of one process, and whose turn it is.
//!
//! Whoever comes is let in at once, also from behind a crowd, since the kernel's queue would make everybody wait for the
//! first. Most take their turn at once; what one process has too many of waits a while, and what is far too many goes.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at once; more wait in the kernel's queue. Half of the descriptors that a process usually may have.
const OPEN: usize = 512;
/// Connections of one process at once; more are refused.
const OPEN_OF_ONE: usize = 256;
/// Dialogues at once; more wait.
const TURNS: usize = 128;
/// Dialogues of one process at once; more wait, so that one that has gone wrong keeps no other from its turn.
const TURNS_OF_ONE: usize = 32;
/// How long a connection waits for its turn. Then its client has gone, or would not be there for the end.
const WAIT: Duration = Duration::from_secs(10);

/// The door, with nobody inside at first.
#[derive(Debug)]
pub(super) struct Door {
    open: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    peers: HashMap<Option<i32>, Weak<Peer>>,
}

/// One process, as long as it has connections.
#[derive(Debug)]
struct Peer {
    open: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// Room for one more connection.
#[derive(Debug)]
pub(super) struct Room {
    _of_all: OwnedSemaphorePermit,
}

/// A connection that was let in.
#[derive(Debug)]
pub(super) struct Visit {
    turns: Arc<Semaphore>,
    peer: Arc<Peer>,
    _room: Room,
    _of_peer: OwnedSemaphorePermit,
}

/// A visit whose turn it is.
#[derive(Debug)]
pub(super) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_peer: OwnedSemaphorePermit,
    _visit: Visit,
}

impl Door {
    pub(super) fn new() -> Self {
        Self {
            open: Arc::new(Semaphore::new(OPEN)),
            turns: Arc::new(Semaphore::new(TURNS)),
            peers: HashMap::new(),
        }
    }

    /// Waits until one more connection may be there.
    pub(super) async fn room(&self) -> Option<Room> {
        Arc::clone(&self.open).acquire_owned().await.ok().map(|permit| Room { _of_all: permit })
    }

    /// Lets in a connection of a process; `None` if that has far too many.
    pub(super) fn enter(&mut self, process: Option<i32>, room: Room) -> Option<Visit> {
        self.peers.retain(|_process, peer| peer.strong_count() > 0);
        let known = self.peers.get(&process).and_then(Weak::upgrade);
        let peer = known.unwrap_or_else(|| {
            let peer = Arc::new(Peer {
                open: Arc::new(Semaphore::new(OPEN_OF_ONE)),
                turns: Arc::new(Semaphore::new(TURNS_OF_ONE)),
            });
            self.peers.insert(process, Arc::downgrade(&peer));
            peer
        });
        let of_peer = Arc::clone(&peer.open).try_acquire_owned().ok()?;
        Some(Visit { turns: Arc::clone(&self.turns), peer, _room: room, _of_peer: of_peer })
    }
}

impl Visit {
    /// Waits for the turn; `None` if it does not come soon enough.
    pub(super) async fn turn(self) -> Option<Turn> {
        let turns = async {
            // In this order: who waits for others of its own process takes nobody else's turn meanwhile.
            let of_peer = Arc::clone(&self.peer.turns).acquire_owned().await.ok()?;
            Some((Arc::clone(&self.turns).acquire_owned().await.ok()?, of_peer))
        };
        let (of_all, of_peer) = tokio::time::timeout(WAIT, turns).await.ok().flatten()?;
        Some(Turn { _of_all: of_all, _of_peer: of_peer, _visit: self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(test: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().build().unwrap().block_on(test);
    }

    async fn visit(door: &mut Door, process: i32) -> Option<Visit> {
        let room = door.room().await.unwrap();
        door.enter(Some(process), room)
    }

    /// True if it is this visit's turn now.
    async fn has_turn(visit: Visit) -> Option<Turn> {
        tokio::select! {
            biased;
            turn = visit.turn() => turn,
            () = tokio::task::yield_now() => None,
        }
    }

    #[test]
    fn one_process_leaves_turns_for_others() {
        run(async {
            let mut door = Door::new();
            let mut inside = Vec::new();
            while let Some(turn) = has_turn(visit(&mut door, 1).await.unwrap()).await {
                inside.push(turn);
            }
            assert_eq!(inside.len(), TURNS_OF_ONE);
            assert!(has_turn(visit(&mut door, 2).await.unwrap()).await.is_some(), "somebody else's turn");
            inside.pop();
            assert!(has_turn(visit(&mut door, 1).await.unwrap()).await.is_some(), "one has left");
        });
    }

    #[test]
    fn far_too_many_are_refused_and_what_has_left_is_not_counted() {
        run(async {
            let mut door = Door::new();
            let mut open = Vec::new();
            while let Some(visit) = visit(&mut door, 1).await {
                open.push(visit);
            }
            assert_eq!(open.len(), OPEN_OF_ONE);
            assert!(visit(&mut door, 2).await.is_some());
            open.clear();
            assert_eq!(door.open.available_permits(), OPEN);
            assert!(visit(&mut door, 1).await.is_some());
            assert_eq!(door.peers.len(), 1, "who has left is forgotten");
        });
    }
}

//! How many connections there are, and how many of them are one process's.
//!
//! Whoever comes is let in at once, also from behind a crowd, since in the kernel's queue everybody waits for the first.
//! What one process has too many of is refused: one that has gone wrong locks no other out.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at once; more wait in the kernel's queue. Half of the descriptors that a process usually may have, and
/// more than may wait for sessions: a question for the status, or the code that all of those wait for, comes through.
const OPEN: usize = 512;
/// Connections of one process at once; more are refused.
const OPEN_OF_ONE: usize = 256;

/// The door, with nobody inside at first.
#[derive(Debug)]
pub(super) struct Door {
    open: Arc<Semaphore>,
    /// Of each process that is inside.
    processes: HashMap<Option<i32>, Weak<Semaphore>>,
}

/// Room for one more connection.
#[derive(Debug)]
pub(super) struct Room {
    _of_all: OwnedSemaphorePermit,
}

/// A connection that was let in, until it is dropped.
#[derive(Debug)]
pub(super) struct Visit {
    _room: Room,
    _of_process: OwnedSemaphorePermit,
}

impl Door {
    pub(super) fn new() -> Self {
        Self { open: Arc::new(Semaphore::new(OPEN)), processes: HashMap::new() }
    }

    /// Waits until one more connection may be there.
    pub(super) async fn room(&self) -> Option<Room> {
        Arc::clone(&self.open).acquire_owned().await.ok().map(|permit| Room { _of_all: permit })
    }

    /// Lets in a connection of a process; `None` if that has too many.
    pub(super) fn enter(&mut self, process: Option<i32>, room: Room) -> Option<Visit> {
        // Whoever is inside holds a permit, and with it the semaphore.
        self.processes.retain(|_process, open| open.strong_count() > 0);
        let known = self.processes.get(&process).and_then(Weak::upgrade);
        let open = known.unwrap_or_else(|| Arc::new(Semaphore::new(OPEN_OF_ONE)));
        self.processes.insert(process, Arc::downgrade(&open));
        let of_process = open.try_acquire_owned().ok()?;
        Some(Visit { _room: room, _of_process: of_process })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_leaves_room_for_others_and_is_not_counted_when_it_has_left() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut door = Door::new();
            let mut inside = Vec::new();
            while let Some(visit) = door.enter(Some(1), door.room().await.unwrap()) {
                inside.push(visit);
            }
            assert_eq!((inside.len(), door.open.available_permits()), (OPEN_OF_ONE, OPEN - OPEN_OF_ONE));
            assert!(door.enter(Some(2), door.room().await.unwrap()).is_some());
            inside.pop();
            inside.push(door.enter(Some(1), door.room().await.unwrap()).unwrap());
            assert!(door.enter(Some(1), door.room().await.unwrap()).is_none());
            inside.clear();
            assert!(door.enter(Some(3), door.room().await.unwrap()).is_some());
            assert_eq!((door.processes.len(), door.open.available_permits()), (1, OPEN));
        });
    }
}

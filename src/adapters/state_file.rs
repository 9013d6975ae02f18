//! To be replaced.
use crate::domain::record::State;
use crate::ports::Answer;
use crate::ports::state::{StateChange, StateError, StateStore};
/// x
#[derive(Debug)]
pub struct StateFile {
    path: std::path::PathBuf,
}
impl StateFile {
    /// x
    #[must_use]
    pub fn new(path: std::path::PathBuf) -> Self {
        Self { path }
    }
    fn get(&self) -> State {
        std::fs::read_to_string(&self.path)
            .ok()
            .and_then(|t| serde_json::from_str(&t).ok())
            .unwrap_or_default()
    }
}
impl StateStore for StateFile {
    fn load(&self) -> Answer<'_, State> {
        Box::pin(async { self.get() })
    }
    fn update(&self, change: StateChange) -> Answer<'_, Result<(), StateError>> {
        Box::pin(async move {
            let mut s = self.get();
            change(&mut s);
            let e = |e: std::io::Error| StateError {
                path: self.path.display().to_string(),
                reason: e.to_string(),
            };
            if let Some(d) = self.path.parent() {
                std::fs::create_dir_all(d).map_err(e)?;
            }
            std::fs::write(&self.path, serde_json::to_string(&s).unwrap_or_default()).map_err(e)
        })
    }
}

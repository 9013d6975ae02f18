//! Profiles that share a code which was asked for in the name of others.

use super::remember_failure;
use super::run::Run;
use crate::domain::duration::SessionDuration;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::keys::AccessKeyId;
use crate::domain::profile::ProfileName;
use crate::usecase::profiles::{Resolved, resolve};
use crate::usecase::{Ports, failures};

impl Run<'_> {
    /// Makes the group one of those who want the session now: some may have gone since the code was asked for, others
    /// have come.
    ///
    /// # Errors
    ///
    /// Class `NoSession` if nobody is left.
    pub(super) async fn share(
        &mut self,
        sharers: &[(ProfileName, Option<SessionDuration>)],
    ) -> Result<(), Failure> {
        for (name, duration) in sharers {
            self.join(name, *duration).await;
        }
        let stays = |member: &Resolved| sharers.iter().any(|(name, _)| *name == member.name);
        self.group.members.retain(stays);
        if self.group.members.is_empty() {
            return Err(Failure::new(FailureClass::NoSession, "nobody waits for the session any more"));
        }
        Ok(())
    }

    /// Takes a profile into the group if the group's session can be its own too.
    ///
    /// One that needs a session of another key or another STS is passed over. One that could not have been served by
    /// itself either fails apart: it must not take the others' session from them.
    async fn join(&mut self, name: &ProfileName, duration: Option<SessionDuration>) {
        if let Some(member) = self.group.members.iter_mut().find(|member| member.name == *name) {
            // Whoever wants a short session does not get a longer one because another does.
            member.duration = duration.map_or(member.duration, |duration| duration.min(member.duration));
            return;
        }
        if self.apart.iter().any(|(other, _)| other == name) {
            return;
        }
        match self.fitting(name, duration).await {
            Ok(Some(member)) => self.group.members.push(member),
            Ok(None) => {}
            Err(failure) => {
                remember_failure(self.ports, std::slice::from_ref(name), &failure, Vec::new()).await;
                self.apart.push((name.clone(), failure));
            }
        }
    }

    async fn fitting(
        &mut self,
        name: &ProfileName,
        duration: Option<SessionDuration>,
    ) -> Result<Option<Resolved>, Failure> {
        // One that was added after this began has its turn with the next code.
        let Some(profile) = self.config.profile(name) else { return Ok(None) };
        let state = self.ports.state.load().await;
        let member = resolve(self.ports, self.config, profile, &state, duration).await?;
        let lead = self.group.members.first();
        let alike = lead.is_some_and(|lead| lead.serial == member.serial && lead.site == member.site);
        if !alike || self.key().await? != Some(key_of(self.ports, name).await?) {
            return Ok(None);
        }
        let editable = self.ports.store.check(&member.targets).await;
        editable.map_err(|error| failures::store(&error, name))?;
        Ok(Some(member))
    }

    /// The id of the group's key.
    async fn key(&mut self) -> Result<Option<AccessKeyId>, Failure> {
        if self.group.key.is_none()
            && let Some(lead) = self.group.members.first().map(|lead| lead.name.clone())
        {
            self.group.key = Some(key_of(self.ports, &lead).await?);
        }
        Ok(self.group.key.clone())
    }
}

async fn key_of(ports: &Ports, name: &ProfileName) -> Result<AccessKeyId, Failure> {
    let key = ports.keychain.read(name).await;
    key.map(|key| key.id).map_err(|error| failures::keychain(&error, name))
}

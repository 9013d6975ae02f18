//! One-time codes for tests, by the server's clock.

use crate::state::State;
use crate::totp::{STEP, code_at};
use crate::{clock, mfa};

impl State {
    fn unix(&self) -> u64 {
        clock::unix(clock::now(self.knobs.clock_skew))
    }

    pub(crate) fn fresh_code(&mut self, serial: &str) -> String {
        self.world.device_mut(serial).expect("the world has this device").last_step = None;
        self.code_at_offset(serial, 0)
    }

    pub(crate) fn unused_code(&mut self, serial: &str) -> Option<String> {
        let (now, tolerance) = (self.unix(), self.world.code_tolerance);
        let device = self.world.device_mut(serial).expect("the world has this device");
        mfa::unused_code(device, now, tolerance)
    }

    pub(crate) fn wrong_code(&self, serial: &str) -> String {
        let device = self.world.device(serial).expect("the world has this device");
        mfa::wrong_code(device, self.unix(), self.world.code_tolerance)
    }

    pub(crate) fn code_at_offset(&self, serial: &str, steps: i64) -> String {
        let device = self.world.device(serial).expect("the world has this device");
        let step = (self.unix() / STEP).saturating_add_signed(steps);
        code_at(&device.seed, step * STEP)
    }
}

//! Programs that this one starts. Always holds: none of them outlives its owner here.

use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::Context as _;

/// A program that runs; killed when dropped.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Starts `command`, without standard input.
    ///
    /// # Errors
    /// When there is no such program, or it cannot be started.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).spawn();
        child.map(Self).with_context(|| format!("{} cannot be started", command.get_program().display()))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already, or gone now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

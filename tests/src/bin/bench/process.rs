//! Programs that this one starts. Always holds: none of them outlives its owner here.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;

/// Pause between two looks at a program that has not ended.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A program that runs; killed when dropped.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Starts `command`, without standard input.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).spawn();
        child.map(Self).with_context(|| format!("{} cannot be started", command.get_program().display()))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, if it has.
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

/// Runs `command` to its end; what it wrote to its standard output. An error has what else it wrote.
pub async fn output(mut command: Command) -> anyhow::Result<String> {
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut running = Running::start(command.stdout(stdout.try_clone()?).stderr(stderr.try_clone()?))?;
    let status = loop {
        match running.ended()? {
            Some(status) => break status,
            None => tokio::time::sleep(LOOK_AGAIN).await,
        }
    };
    let stdout = read(&mut stdout)?;
    anyhow::ensure!(status.success(), "{}: {status}\n{stdout}{}", command.get_program().display(), read(&mut stderr)?);
    Ok(stdout)
}

fn read(file: &mut File) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn output_is_returned_and_a_failure_says_what_was_written() {
        assert_eq!(output(shell("echo out; echo err >&2")).await.expect("it succeeds"), "out\n");
        let error = output(shell("echo out; echo err >&2; exit 3")).await.expect_err("it fails").to_string();
        for part in ["sh", "3", "out", "err"] {
            assert!(error.contains(part), "{error}");
        }
    }
}

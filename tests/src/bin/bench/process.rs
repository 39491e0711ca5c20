//! What a program that this one starts writes before it ends.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::process::Command;
use std::time::Duration;

use amends_tests::running::Running;

/// Pause between two looks at a program that has not ended.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

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

//! The transport `mailbox`: appends every message to a file in mbox format. For development, demonstrations, tests.
//!
//! One task writes for all: whatever waits goes out in one write. A message counts as handed over when the operating
//! system has it. The file is opened for each write, so that it may be moved away at any time.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use async_trait::async_trait;
use durable::Engine;
use tokio::sync::{mpsc, oneshot};

use crate::app::ports::{MessageTransport, Outgoing, SendError};

/// Messages that may wait for the writer.
const QUEUE: usize = 1_024;
/// Messages of one write at most.
const BATCH: usize = 256;

struct Entry {
    text: String,
    done: oneshot::Sender<Result<(), String>>,
}

/// The mailbox.
pub(super) struct Mailbox {
    queue: mpsc::Sender<Entry>,
}

impl Mailbox {
    /// Opens the file, making its directory, and starts the writer.
    pub(super) fn open(file: PathBuf, engine: &Engine) -> anyhow::Result<Self> {
        append(&file, "").with_context(|| format!("mailbox.file: cannot write {}", file.display()))?;
        let (queue, entries) = mpsc::channel(QUEUE);
        engine.spawn(write(file, entries));
        Ok(Self { queue })
    }
}

#[async_trait]
impl MessageTransport for Mailbox {
    fn name(&self) -> &'static str {
        "mailbox"
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<(), SendError> {
        let gone = || SendError::Unavailable("the writer of the mailbox has ended".to_owned());
        let (done, written) = oneshot::channel();
        self.queue.send(Entry { text: entry(outgoing), done }).await.map_err(|_| gone())?;
        written.await.map_err(|_| gone())?.map_err(SendError::Unavailable)
    }
}

/// Writes what waits until the transport is gone.
async fn write(file: PathBuf, mut entries: mpsc::Receiver<Entry>) {
    let mut batch = Vec::with_capacity(BATCH);
    while entries.recv_many(&mut batch, BATCH).await > 0 {
        let text: String = batch.iter().map(|entry| entry.text.as_str()).collect();
        let path = file.clone();
        let result = match tokio::task::spawn_blocking(move || append(&path, &text)).await {
            Ok(result) => result.map_err(|error| format!("{}: {error}", file.display())),
            Err(error) => Err(error.to_string()),
        };
        for entry in batch.drain(..) {
            // A caller that has left comes again; its message is then in the file twice, under the same id.
            let _ = entry.done.send(result.clone());
        }
    }
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory)?;
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    if text.is_empty() {
        return Ok(());
    }
    // A write that was cut off (a full disk, a crash) must not swallow the next message.
    let torn = file.seek(SeekFrom::End(0))? > 0 && {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        last != *b"\n"
    };
    let lead = if torn { "\n\n" } else { "" };
    file.write_all(format!("{lead}{text}").as_bytes())
}

/// The message in mbox format (`mboxrd`): lines that could be taken for the start of a message get a `>` in front.
fn entry(outgoing: &Outgoing) -> String {
    let date = jiff::Timestamp::from_microsecond(outgoing.created_at.micros()).unwrap_or_default();
    let date = date.to_zoned(jiff::tz::TimeZone::UTC);
    let mut text = String::with_capacity(outgoing.body.len() + 512);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "From amends {}", date.strftime("%a %b %e %H:%M:%S %Y"));
    for (name, value) in [
        ("Date", date.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()),
        ("Message-ID", format!("<{}@amends>", uuid(outgoing))),
        ("To", format!("{} ({})", outgoing.to.address, outgoing.to.kind.as_str())),
        ("Subject", outgoing.subject.clone()),
        ("X-Amends-Tenant", outgoing.context.tenant.to_string()),
        ("X-Amends-Case", outgoing.case.to_string()),
        ("X-Amends-Message", outgoing.message.to_string()),
        ("MIME-Version", "1.0".to_owned()),
        ("Content-Type", "text/plain; charset=utf-8".to_owned()),
        ("Content-Transfer-Encoding", "8bit".to_owned()),
    ] {
        let _ = writeln!(text, "{name}: {value}");
    }
    text.push('\n');
    for line in outgoing.body.lines() {
        if line.trim_start_matches('>').starts_with("From ") {
            text.push('>');
        }
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text
}

fn uuid(outgoing: &Outgoing) -> uuid::Uuid {
    kernel::ResourceId::uuid(outgoing.message)
}

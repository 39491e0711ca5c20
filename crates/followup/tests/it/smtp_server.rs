//! A mail server for tests: speaks SMTP over real sockets, keeps what it is given, and misbehaves on request.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use mailin::response::{NO_MAILBOX, NO_SERVICE, OK};
use mailin::{Action, AuthMechanism, Handler, Response, Session, SessionBuilder};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What the server does with a mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// Takes it.
    #[default]
    Willing,
    /// Says that this mailbox does not exist, with 550.
    NoMailbox,
    /// Says to come back later, with 451.
    Busy,
    /// Takes it and hangs up before it says so.
    HangsUp,
    /// Never answers once the mail is there.
    Silent,
    /// Turns everybody away at the door, with 421.
    Closed,
}

/// How connections are protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    #[default]
    None,
    Starttls,
    Implicit,
}

/// A mail as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub data: String,
    pub over_tls: bool,
}

#[derive(Default)]
struct Shared {
    mood: Mood,
    mails: Vec<Mail>,
    connections: usize,
    /// Who logged in, with what.
    logins: BTreeSet<(String, String)>,
    password: Option<String>,
}

/// The server; gone when dropped.
pub struct SmtpServer {
    pub address: SocketAddr,
    /// PEM of the certificate, for those who should trust it.
    pub certificate: String,
    shared: Arc<Mutex<Shared>>,
    _task: JoinSet<()>,
}

impl SmtpServer {
    pub async fn start(protection: Protection) -> Self {
        Self::start_at(0, protection).await
    }

    pub async fn start_at(port: u16, protection: Protection) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a certificate and its key");
        let shared: Arc<Mutex<Shared>> = Arc::default();
        let mut task = JoinSet::new();
        task.spawn(accept(listener, TlsAcceptor::from(Arc::new(tls)), protection, Arc::clone(&shared)));
        Self { address, certificate: cert.pem(), shared, _task: task }
    }

    pub fn becomes(&self, mood: Mood) {
        self.shared.lock().expect("no test has panicked").mood = mood;
    }

    /// From now on only this password is let in.
    pub fn wants_password(&self, password: &str) {
        self.shared.lock().expect("no test has panicked").password = Some(password.to_owned());
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.shared.lock().expect("no test has panicked").mails.clone()
    }

    pub fn connections(&self) -> usize {
        self.shared.lock().expect("no test has panicked").connections
    }

    pub fn logins(&self) -> BTreeSet<(String, String)> {
        self.shared.lock().expect("no test has panicked").logins.clone()
    }
}

struct Clerk {
    shared: Arc<Mutex<Shared>>,
    mail: Mail,
}

fn mood(shared: &Mutex<Shared>) -> Mood {
    shared.lock().expect("no test has panicked").mood
}

impl Handler for Clerk {
    fn mail(&mut self, _ip: IpAddr, _domain: &str, from: &str) -> Response {
        self.mail = Mail { from: from.to_owned(), over_tls: self.mail.over_tls, ..Mail::default() };
        OK
    }

    fn rcpt(&mut self, to: &str) -> Response {
        self.mail.to.push(to.to_owned());
        match mood(&self.shared) {
            Mood::NoMailbox => NO_MAILBOX,
            Mood::Busy => Response::custom(451, "4.7.1 Greylisted, come back later".to_owned()),
            Mood::Willing | Mood::HangsUp | Mood::Silent | Mood::Closed => OK,
        }
    }

    fn data(&mut self, line: &[u8]) -> io::Result<()> {
        self.mail.data.push_str(&String::from_utf8_lossy(line));
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let mut shared = self.shared.lock().expect("no test has panicked");
        shared.mails.push(self.mail.clone());
        OK
    }

    fn auth_plain(&mut self, _as_whom: &str, user: &str, password: &str) -> Response {
        let mut shared = self.shared.lock().expect("no test has panicked");
        shared.logins.insert((user.to_owned(), password.to_owned()));
        match &shared.password {
            Some(right) if right != password => mailin::response::INVALID_CREDENTIALS,
            Some(_) | None => mailin::response::AUTH_OK,
        }
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, protection: Protection, shared: Arc<Mutex<Shared>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            // A client that leaves early is no concern of the server's.
            let _ = serve(stream, tls, protection, shared).await;
        });
    }
}

async fn serve(
    stream: TcpStream,
    tls: TlsAcceptor,
    protection: Protection,
    shared: Arc<Mutex<Shared>>,
) -> io::Result<()> {
    shared.lock().expect("no test has panicked").connections += 1;
    let wants_login = shared.lock().expect("no test has panicked").password.is_some();
    let clerk = Clerk {
        shared: Arc::clone(&shared),
        mail: Mail { over_tls: protection != Protection::None, ..Mail::default() },
    };
    let mut builder = SessionBuilder::new("mail.test");
    if protection == Protection::Starttls {
        builder.enable_start_tls();
    }
    if wants_login {
        builder.enable_auth(AuthMechanism::Plain).insecure_enable_plaintext_auth();
    }
    let mut session = builder.build(IpAddr::V4(Ipv4Addr::LOCALHOST), clerk);
    match protection {
        Protection::None => talk(stream, &mut session, &shared, true).await.map(|_| ()),
        Protection::Implicit => talk(tls.accept(stream).await?, &mut session, &shared, true).await.map(|_| ()),
        Protection::Starttls => {
            let Some(stream) = talk(stream, &mut session, &shared, true).await? else { return Ok(()) };
            let stream = tls.accept(stream).await?;
            session.tls_active();
            talk(stream, &mut session, &shared, false).await.map(|_| ())
        }
    }
}

/// Talks until one side hangs up; gives the stream back when it is to be protected.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    session: &mut Session<Clerk>,
    shared: &Mutex<Shared>,
    greet: bool,
) -> io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    if greet {
        let closed = mood(shared) == Mood::Closed;
        let greeting = if closed { NO_SERVICE } else { session.greeting() };
        stream.write_all(&greeting.buffer()?).await?;
        if closed {
            return Ok(None);
        }
    }
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        let ends_mail = line == b".\r\n";
        let response = session.process(&line);
        match mood(shared) {
            Mood::HangsUp if ends_mail => return Ok(None),
            Mood::Silent if ends_mail => std::future::pending().await,
            _ => {}
        }
        match response.action {
            Action::NoReply => continue,
            Action::Reply => stream.write_all(&response.buffer()?).await?,
            Action::Close => {
                stream.write_all(&response.buffer()?).await?;
                return Ok(None);
            }
            Action::UpgradeTls => {
                stream.write_all(&response.buffer()?).await?;
                return Ok(Some(stream.into_inner()));
            }
        }
    }
}

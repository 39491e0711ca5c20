//! A session and a screen: what every command works with.

use std::io;

use prost::Message;

use super::connection::{Connection, Format};
use super::failure::Failure;
use super::output::{Render, Screen};
use super::rpc::{Pages, Rpc};
use super::session::Session;
use super::values::Paging;

/// Makes calls and prints what comes of them.
#[derive(Debug)]
pub struct Caller {
    session: Session,
    screen: Screen,
    also: Vec<String>,
}

impl Caller {
    /// Calls where `connection` says, prints to standard output.
    ///
    /// # Errors
    /// When the connection's options are wrong.
    pub fn new(connection: &Connection) -> anyhow::Result<Self> {
        let screen = Screen::new(connection.output, Box::new(io::stdout()), Box::new(io::stderr()));
        Ok(Self::with(connection.session()?, screen))
    }

    /// Calls by `session`, prints to `screen`.
    pub fn with(session: Session, screen: Screen) -> Self {
        Self { session, screen, also: Vec::new() }
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The screen.
    pub fn screen(&mut self) -> &mut Screen {
        &mut self.screen
    }

    /// True when the answer is printed as JSON.
    pub fn prints_json(&self) -> bool {
        self.screen.format() == Format::Json
    }

    /// A value that was made up for this run: whoever repeats the command must give the same one.
    pub fn remember(&mut self, argument: String) {
        self.also.push(argument);
    }

    /// Makes a call and returns its answer.
    ///
    /// # Errors
    /// The call's, for people.
    pub async fn call<Q: Rpc>(&mut self, request: Q) -> anyhow::Result<Q::Response> {
        let answer = self.session.call(&request).await.map_err(|failure| self.repeatable(failure))?;
        if answer.replayed {
            self.screen.note("this was done before under the same request id; nothing was done now")?;
        }
        Ok(answer.message)
    }

    /// Adds what must be repeated to a failure that can be repeated.
    pub fn repeatable(&self, failure: Failure) -> Failure {
        if !failure.can_be_repeated() {
            return failure;
        }
        self.also.iter().fold(failure, |failure, argument| failure.repeat_with(argument.clone()))
    }

    /// Prints a response of the method of `Q`.
    ///
    /// # Errors
    /// When it cannot be printed.
    pub fn print<Q: Rpc>(&mut self, response: &Q::Response) -> anyhow::Result<()>
    where
        Q::Response: Render,
    {
        self.screen.print(Q::METHOD, response)
    }

    /// Makes a call and prints its answer.
    ///
    /// # Errors
    /// The call's, for people.
    pub async fn show<Q: Rpc>(&mut self, request: Q) -> anyhow::Result<()>
    where
        Q::Response: Render,
    {
        let response = self.call(request).await?;
        self.print::<Q>(&response)
    }

    /// Prints one page of a list, or all of them.
    ///
    /// # Errors
    /// The call's, for people.
    pub async fn show_page<Q: Pages>(&mut self, request: Q, paging: &Paging) -> anyhow::Result<()>
    where
        Q::Response: Render,
    {
        let response = self.pages(request, paging).await?;
        self.print::<Q>(&response)?;
        let next = Q::next_page_token(&response);
        if !next.is_empty() && !self.prints_json() {
            self.screen.note(&format!("there is more: --all, or --page-token {next}"))?;
        }
        Ok(())
    }

    /// One page of a list, or all of them in one response.
    ///
    /// # Errors
    /// The call's, for people.
    pub async fn pages<Q: Pages>(&mut self, mut request: Q, paging: &Paging) -> anyhow::Result<Q::Response> {
        request.set_page(paging.page_size, paging.page_token.clone());
        let mut response = self.call(request.clone()).await?;
        while paging.all && !Q::next_page_token(&response).is_empty() {
            request.set_page(paging.page_size, Q::next_page_token(&response).to_owned());
            let next = self.call(request.clone()).await?;
            Q::append(&mut response, next);
        }
        Ok(response)
    }

    /// Prints one message of a stream of `method`.
    ///
    /// # Errors
    /// When it cannot be printed.
    pub fn print_json_line<M: Message>(&mut self, method: &str, message: &M) -> anyhow::Result<()> {
        self.screen.json_line(method, message)
    }
}

//! The life of one socket.

use std::collections::HashSet;
use std::time::Duration;

use api_server_users::facade::Directory;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Pace;
use crate::hub::{Hub, Numbered, Start};
use crate::tickets::Bearer;

/// Why a socket ends, with its close code (RFC 6455 §7.4; 4000–4999 are ours).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client left, or does not answer.
    Gone,
    /// The role stops: come back at once.
    Restart,
    /// The client fell behind further than what is kept.
    Lagged,
    /// The sign-in ended.
    SignedOut,
    /// Rights could not be read.
    Trouble,
}

impl End {
    fn frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Gone => return None,
            Self::Restart => (1012, "the service restarts"),
            Self::Lagged => (4008, "too slow"),
            Self::SignedOut => (4001, "signed out"),
            Self::Trouble => (1011, "try again"),
        };
        Some(CloseFrame {
            code,
            reason: reason.into(),
        })
    }
}

/// What a session works with.
pub(crate) struct Session {
    pub(crate) socket: WebSocket,
    pub(crate) hub: Hub,
    pub(crate) directory: Directory,
    pub(crate) bearer: Bearer,
    pub(crate) pace: Pace,
    pub(crate) stop: CancellationToken,
}

impl Session {
    /// Serves the socket until one side ends it.
    pub(crate) async fn run(mut self, last_seq: Option<String>) {
        let end = self.serve(last_seq.as_deref()).await;
        tracing::debug!(user = %self.bearer.user_id, ?end, "socket ended");
        let farewell = async {
            self.socket.send(Message::Close(end.frame())).await?;
            // Until the client answers: a connection that is dropped over unread bytes may lose the frame.
            while let Some(message) = self.socket.recv().await {
                message?;
            }
            Ok::<_, axum::Error>(())
        };
        let _ = timeout(self.pace.slow, farewell).await;
    }

    async fn serve(&mut self, last_seq: Option<&str>) -> End {
        // Joined before the teams are read: an event in between is filtered by the newer rights.
        let (directory, bearer) = (self.directory.clone(), self.bearer);
        let Start {
            from,
            missed,
            mut events,
        } = self.hub.join(last_seq);
        let mut teams = match rights(&directory, bearer).await {
            Ok(teams) => teams,
            Err(end) => return end,
        };
        let greeting = match &missed {
            Some(_) => self.plain("hello", from),
            None => self.plain("resync", from),
        };
        if let Err(end) = self.send(greeting).await {
            return end;
        }
        for event in missed.unwrap_or_default() {
            if let Err(end) = self.push(&teams, &event).await {
                return end;
            }
        }
        let (mut tick, mut look) = (every(self.pace.tick), every(self.pace.rights));
        let mut heard = Instant::now();
        let stop = self.stop.clone();
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => Err(End::Restart),
                event = events.recv() => match event {
                    Ok(event) => self.push(&teams, &event).await,
                    Err(RecvError::Lagged(_)) => self.resync().await.and(Err(End::Lagged)),
                    Err(RecvError::Closed) => Err(End::Restart),
                },
                message = self.socket.recv() => match message {
                    None | Some(Err(_) | Ok(Message::Close(_))) => Err(End::Gone),
                    // Clients have nothing to say; a pong shows that they are there.
                    Some(Ok(_)) => { heard = Instant::now(); Ok(()) }
                },
                _ = tick.tick() => if heard.elapsed() > self.pace.silence {
                    Err(End::Gone)
                } else {
                    self.send(Message::Ping(Vec::new().into())).await
                },
                _ = look.tick() => match rights(&directory, bearer).await {
                    Ok(now) => {
                        // What a new team did before we saw it was passed over: the client reads it anew.
                        let gained = !now.is_subset(&teams);
                        teams = now;
                        if gained { self.resync().await } else { Ok(()) }
                    }
                    Err(end) => Err(end),
                },
            };
            if let Err(end) = outcome {
                return end;
            }
        }
    }

    async fn push(&mut self, teams: &HashSet<Uuid>, event: &Numbered) -> Result<(), End> {
        if !teams.contains(&event.team_id) {
            return Ok(());
        }
        let text = format!(
            r#"{{"type":"event","seq":"{}","event":{}}}"#,
            self.hub.seq(event.n),
            event.event
        );
        self.send(Message::Text(text.into())).await
    }

    /// Tells the client to read anew what it shows.
    async fn resync(&mut self) -> Result<(), End> {
        let frame = self.plain("resync", self.hub.join(None).from);
        self.send(frame).await
    }

    fn plain(&self, kind: &str, n: u64) -> Message {
        Message::Text(format!(r#"{{"type":"{kind}","seq":"{}"}}"#, self.hub.seq(n)).into())
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(self.pace.slow, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

/// Ticks from one period from now on.
fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval.reset();
    interval
}

/// The teams whose events the bearer may see now.
async fn rights(directory: &Directory, bearer: Bearer) -> Result<HashSet<Uuid>, End> {
    let trouble = |error: api_server_users::Error| {
        tracing::warn!(%error, "rights of a socket could not be read");
        End::Trouble
    };
    if !directory
        .session_alive(bearer.session_id, bearer.user_id)
        .await
        .map_err(trouble)?
    {
        return Err(End::SignedOut);
    }
    let teams = directory.teams_of(bearer.user_id).await.map_err(trouble)?;
    Ok(teams.into_iter().collect())
}

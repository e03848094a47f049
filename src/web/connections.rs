//! Connections: so many at once, none that idles before it has said what it
//! wants or reads nothing of what it is told, and an end that lets calls finish.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use super::held::hold;
use super::room::{Room, Seat};

/// How many connections are open at once. For further ones, those who say nothing
/// make room. Half of the files that a program may usually have open.
pub const MOST_CONNECTIONS: usize = 512;

/// How long a connection may say nothing before a request, and take for its head.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The largest head: a token, a session and a few dozen more headers.
const LARGEST_HEAD: usize = 64 * 1024;

/// How long a client may read nothing of what is being sent to it. Then whatever
/// it has asked for ends, and nothing more is held for it.
const READ_TIME: Duration = Duration::from_secs(10);

/// The pause after a connection could not be accepted: too many files are open.
const REST: Duration = Duration::from_millis(100);

/// How long calls may finish once a shutdown was asked for. Then streams that
/// wait for news are ended, and have as long again to say goodbye.
const GRACE: Duration = Duration::from_secs(5);

/// Serve `routes` until `shutdown`, then let what is under way finish.
pub(super) async fn serve(
    listener: TcpListener,
    routes: Router,
    shutdown: CancellationToken,
    streams: CancellationToken,
) {
    let room = Room::new(MOST_CONNECTIONS);
    let mut open = JoinSet::new();
    while let Some(accepted) = shutdown.run_until_cancelled(next(&listener, &room)).await {
        while open.try_join_next().is_some() {}
        match accepted {
            Ok((stream, seat)) => {
                open.spawn(converse(stream, seat, routes.clone(), shutdown.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(REST).await;
            }
        }
    }
    drop(listener);
    room.clear();
    if tokio::time::timeout(GRACE, all(&mut open)).await.is_err() {
        streams.cancel();
        let _ = tokio::time::timeout(GRACE, all(&mut open)).await;
    }
}

/// The next connection, once there is room for it.
async fn next(listener: &TcpListener, room: &Arc<Room>) -> std::io::Result<(TcpStream, Arc<Seat>)> {
    let (stream, _) = listener.accept().await?;
    // Without it an answer in two parts waits for the other side's delayed acknowledgement: 40 ms.
    stream.set_nodelay(true)?;
    Ok((stream, room.seat().await))
}

/// Answer requests until the client leaves or is sent away or, after `shutdown`, the present one is answered.
async fn converse(stream: TcpStream, seat: Arc<Seat>, routes: Router, shutdown: CancellationToken) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(READ_TIME));
    let answering = service_fn(|request: Request<Incoming>| answer(&seat, &routes, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(Box::pin(stream)), answering);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = seat.sent_away() => return,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = seat.sent_away() => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Answer a request, and let nobody send its connection away until all of the answer is sent.
async fn answer(
    seat: &Arc<Seat>,
    routes: &Router,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let Some(turn) = seat.turn() else {
        return Ok(
            (StatusCode::SERVICE_UNAVAILABLE, "the connection was closed for others\n").into_response()
        );
    };
    let Ok(answer) = routes.clone().call(request).await;
    Ok(hold(answer, turn))
}

async fn all(open: &mut JoinSet<()>) {
    while open.join_next().await.is_some() {}
}

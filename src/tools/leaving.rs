//! Noticing that a client leaves. Calls under way may then still finish for a
//! few seconds; what nobody will hear any more need not wait for that.

use rmcp::RoleServer;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio_util::sync::CancellationToken;

/// A transport that says when nothing more comes from its client.
pub(super) struct Noticed<T> {
    pub(super) transport: T,
    /// Cancelled then.
    pub(super) left: CancellationToken,
}

impl<T: Transport<RoleServer>> Transport<RoleServer> for Noticed<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), T::Error>> + Send + 'static {
        self.transport.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        let message = self.transport.receive().await;
        if message.is_none() {
            self.left.cancel();
        }
        message
    }

    async fn close(&mut self) -> Result<(), T::Error> {
        self.transport.close().await
    }
}

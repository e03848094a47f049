//! Whoever does something that others ask about later says why.

use deployment_orchestrator::app::Code;
use deployment_orchestrator::app::environments::EnvironmentsView;

use super::people::agent;
use super::rollback::{EARLIER, admin, completed};
use super::world::{COMMIT, World};

#[tokio::test(start_paused = true)]
async fn a_reason_in_which_nothing_can_be_read_is_refused_and_nothing_changes() {
    let (world, _driving) = World::driven();
    let app = &world.app;
    completed(&world, EARLIER).await;
    let asks = world.deploy().await;
    asks.asks(1).await;
    let id = asks.id.as_str();
    app.lock("prod", None, "a move", &admin()).await.unwrap();
    app.freeze_agents("incident 7", admin()).await.unwrap();
    let (before, locked) = (asks.now(), environments(&world).await);

    for nothing in ["", "  ", "\u{200b}\n\t"] {
        let refused = [
            app.lock("dev", None, nothing, &admin()).await.unwrap_err(),
            app.unlock("prod", None, nothing, &admin()).await.unwrap_err(),
            app.override_freeze(id, nothing, &admin()).await.unwrap_err(),
            app.release_commit("checkout", COMMIT, nothing, &admin()).await.unwrap_err(),
            app.rollback(id, nothing, admin()).await.unwrap_err(),
            app.cancel(id, nothing, admin()).await.unwrap_err(),
            app.withdraw(id, nothing, admin()).await.unwrap_err(),
            app.freeze_agents(nothing, admin()).await.unwrap_err(),
            app.release_agents(nothing, admin()).await.unwrap_err(),
        ];
        for error in refused {
            assert_eq!(
                (error.code, error.message.as_str()),
                (Code::MalformedArgument, "the reason is empty")
            );
        }
    }
    assert_eq!(asks.now(), before);
    assert_eq!(environments(&world).await, locked);
    assert_eq!(app.frozen_agents().await.unwrap().unwrap().reason_untrusted, "incident 7");
    app.release_agents("it is over", admin()).await.unwrap();
    assert_eq!(app.cancel(id, "", agent()).await.unwrap_err().code, Code::MalformedArgument);
}

async fn environments(world: &World) -> EnvironmentsView {
    world.app.environments(Default::default()).await.unwrap()
}

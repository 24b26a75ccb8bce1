//! Cases of alerts about the server itself.

use futures::future::join_all;

use super::all;
use crate::{
    Stores,
    alert::{Cause, Resolution},
    testkit::{
        build::{self, at},
        given,
    },
};

/// An alert about the server is open once per cause, and ends.
pub async fn server_alerts_are_open_once(stores: &Stores) {
    let fence = given::fence(stores).await;
    let alert = build::server_alert(Cause::Offline, at(1));
    assert!(stores.alerts.raise_server_alert(&alert, fence).await.unwrap());
    assert!(!stores.alerts.raise_server_alert(&alert, fence).await.unwrap());
    let other = build::server_alert(Cause::Security, at(1));
    assert!(stores.alerts.raise_server_alert(&other, fence).await.unwrap());
    let open = all(stores).await;
    assert_eq!(open.len(), 2);
    assert_eq!((open[0].terminal, open[0].customer), (None, None));
    let resolve = async || {
        stores
            .alerts
            .resolve_server_alert(Cause::Offline, at(2), fence)
            .await
            .unwrap()
    };
    assert!(resolve().await);
    assert!(!resolve().await);
    let ended = stores.alerts.find(open[0].id).await.unwrap().unwrap();
    let resolved = ended.resolved.unwrap();
    assert_eq!((resolved.resolution, resolved.at), (Resolution::Auto, at(2)));
    assert!(stores.alerts.raise_server_alert(&alert, fence).await.unwrap());
    assert_eq!(all(stores).await.len(), 3);
}

/// Of parallel raises of one alert about the server, one opens it.
pub async fn parallel_server_alerts_open_once(stores: &Stores) {
    let fence = given::fence(stores).await;
    let alert = build::server_alert(Cause::Offline, at(1));
    let raised = join_all((0..6).map(|_| stores.alerts.raise_server_alert(&alert, fence))).await;
    assert_eq!(
        raised.into_iter().filter(|outcome| *outcome.as_ref().unwrap()).count(),
        1
    );
    assert_eq!(all(stores).await.len(), 1);
}

//! Channels by which people are told of alerts.

use reqwest::Method;

use super::{super::Tagged, OperatorClient};
use crate::{
    client::ClientError,
    wire::{
        List,
        history::PageQuery,
        notification::{NotificationChannel, NotificationChannelCreate, NotificationChannelPatch, NotificationTested},
    },
};

const PATH: &str = "/notification-channels";

impl OperatorClient {
    /// Lists channels.
    pub async fn notification_channels(&self, query: &PageQuery) -> Result<List<NotificationChannel>, ClientError> {
        self.list(PATH, query).await
    }

    /// Returns a channel with its revision.
    pub async fn notification_channel(&self, id: i64) -> Result<Tagged<NotificationChannel>, ClientError> {
        self.get(&format!("{PATH}/{id}")).await
    }

    /// Makes a channel.
    pub async fn create_notification_channel(
        &self,
        body: &NotificationChannelCreate,
    ) -> Result<NotificationChannel, ClientError> {
        self.write(Method::POST, PATH, None, body).await
    }

    /// Changes a channel of a known revision.
    pub async fn patch_notification_channel(
        &self,
        id: i64,
        etag: &str,
        body: &NotificationChannelPatch,
    ) -> Result<NotificationChannel, ClientError> {
        self.write(Method::PATCH, &format!("{PATH}/{id}"), Some(etag), body)
            .await
    }

    /// Deletes a channel of a known revision.
    pub async fn delete_notification_channel(&self, id: i64, etag: &str) -> Result<(), ClientError> {
        self.delete(&format!("{PATH}/{id}"), Some(etag)).await
    }

    /// Sends a message by a channel now and tells what came of it.
    pub async fn test_notification_channel(&self, id: i64) -> Result<NotificationTested, ClientError> {
        self.write(Method::POST, &format!("{PATH}/{id}/test"), None, &()).await
    }
}

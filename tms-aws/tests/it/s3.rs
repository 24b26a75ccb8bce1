//! Blobs in S3: the suite on two stand-ins, of which one checks every signature.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aws_sdk_s3::{
    Client,
    types::{BucketLocationConstraint, CreateBucketConfiguration},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tms_aws::{Aws, S3Blobs};
use tms_core::{
    blob::{BlobDigest, BlobError, BlobKey, BlobPrefix, BlobStore, Existing, once},
    testkit::conformance::blob::{Fetch, FreshBlobs},
};
use tokio::{net::TcpListener, sync::Mutex, task::JoinHandle};

use crate::stand_in::{KEY, SECRET, aws, signed, unique, url};

/// An S3 in this process that checks signatures, over a folder.
pub struct Strict {
    pub url: String,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Drop for Strict {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Strict {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bucket")).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // It looks whether a key is free before it writes: two at a time would both find it free.
        let turn = Arc::new(Mutex::new(()));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (service, turn) = (service.clone(), Arc::clone(&turn));
                let one = hyper::service::service_fn(move |request| {
                    let (service, turn) = (service.clone(), Arc::clone(&turn));
                    async move {
                        let _turn = turn.lock().await;
                        hyper::service::Service::call(&service, request).await
                    }
                });
                tokio::spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(socket), one).await;
                });
            }
        });
        Self {
            url,
            task,
            _folder: folder,
        }
    }
}

fn fetch() -> Fetch {
    Box::new(|url| {
        Box::pin(async move {
            let answer = reqwest::get(url).await.unwrap();
            let status = answer.status();
            if status.is_success() {
                Ok(answer.bytes().await.unwrap().to_vec())
            } else {
                Err(status.as_u16())
            }
        })
    })
}

fn prefix() -> BlobPrefix {
    BlobPrefix::new("under/here").unwrap()
}

/// A client that a test uses to look behind the adapter.
pub fn client(aws: &Aws, url: &str) -> Client {
    let _ = aws;
    let config = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_s3::config::Region::new("ap-northeast-1"))
        .endpoint_url(url)
        .force_path_style(true)
        .credentials_provider(aws_credential_types::Credentials::new(KEY, SECRET, None, None, "test"))
        .build();
    Client::from_conf(config)
}

/// Where buckets are.
fn in_tokyo() -> CreateBucketConfiguration {
    CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::ApNortheast1)
        .build()
}

/// Makes a bucket of its own on the stand-in.
pub async fn bucket(aws: &Aws, url: &str) -> String {
    let name = unique("bucket");
    let made = client(aws, url).create_bucket().bucket(&name);
    made.create_bucket_configuration(in_tokyo()).send().await.unwrap();
    name
}

mod on_moto {
    use super::*;

    async fn fresh() -> Option<FreshBlobs> {
        let url = url()?;
        let aws = aws(&url).await;
        let bucket = bucket(&aws, &url).await;
        Some(FreshBlobs {
            store: Arc::new(S3Blobs::new(&aws, bucket, prefix())),
            // It refuses no signature, so an address of something else leads there.
            fetch: None,
            guard: Box::new(()),
        })
    }

    tms_core::blob_conformance!(fresh);
}

mod on_a_strict_one {
    use super::*;

    async fn fresh() -> Option<FreshBlobs> {
        let strict = Strict::start().await;
        let aws = aws(&strict.url).await;
        Some(FreshBlobs {
            store: Arc::new(S3Blobs::new(&aws, "bucket", prefix())),
            fetch: Some(fetch()),
            guard: Box::new(strict),
        })
    }

    tms_core::blob_conformance!(fresh);
}

#[tokio::test]
async fn a_wrong_key_is_denied() {
    let strict = Strict::start().await;
    let wrong = signed(&strict.url, "another secret", crate::stand_in::hurried()).await;
    let store = S3Blobs::new(&wrong, "bucket", prefix());
    let key = "x".parse().unwrap();
    let put = store
        .put(&key, once(&b"x"[..]), BlobDigest::of(b"x"), Existing::Keep)
        .await;
    assert!(matches!(put, Err(BlobError::Denied(_))), "{put:?}");
    let get = store.get(&key, None).await;
    assert!(matches!(get, Err(BlobError::Denied(_))), "{get:?}");
    let list = store.list(&BlobPrefix::default(), None, 10).await;
    assert!(matches!(list, Err(BlobError::Denied(_))), "{list:?}");
    let told = format!("{put:?}{get:?}{list:?}");
    assert!(!told.contains("another secret"), "{told}");
}

/// Makes a bucket that keeps everybody from deleting what is put, as that of backups does.
async fn locking_bucket(aws: &Aws, url: &str) -> String {
    use aws_sdk_s3::types::{
        DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule,
    };

    let name = unique("locking");
    let client = client(aws, url);
    let made = client
        .create_bucket()
        .bucket(&name)
        .object_lock_enabled_for_bucket(true);
    made.create_bucket_configuration(in_tokyo()).send().await.unwrap();
    let retention = DefaultRetention::builder()
        .mode(ObjectLockRetentionMode::Governance)
        .days(30)
        .build();
    let lock = ObjectLockConfiguration::builder()
        .object_lock_enabled(ObjectLockEnabled::Enabled)
        .rule(ObjectLockRule::builder().default_retention(retention).build())
        .build();
    let locked = client.put_object_lock_configuration().bucket(&name);
    locked.object_lock_configuration(lock).send().await.unwrap();
    name
}

#[tokio::test]
async fn a_bucket_that_locks_takes_what_is_put() {
    let Some(url) = url() else { return };
    let aws = aws(&url).await;
    let store = S3Blobs::new(&aws, locking_bucket(&aws, &url).await, prefix());
    // In one request, and in parts.
    for (name, bytes) in [("small", 1), ("large", 17 << 20)] {
        let (key, content) = (name.parse().unwrap(), vec![7; bytes]);
        let digest = BlobDigest::of(&content);
        let put = store.put(&key, once(content), digest, Existing::Keep).await;
        assert!(put.is_ok(), "{name}: {put:?}");
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_no_empty_one() {
    let Some(url) = url() else { return };
    let aws = aws(&url).await;
    let store = S3Blobs::new(&aws, unique("none"), prefix());
    let list = store.list(&BlobPrefix::default(), None, 10).await;
    assert!(matches!(list, Err(BlobError::Unavailable(_))), "{list:?}");
    let key = "x".parse().unwrap();
    let get = store.get(&key, None).await;
    assert!(matches!(get, Err(BlobError::Unavailable(_))), "{get:?}");
    let put = store
        .put(&key, once(&b"x"[..]), BlobDigest::of(b"x"), Existing::Keep)
        .await;
    assert!(matches!(put, Err(BlobError::Unavailable(_))), "{put:?}");
}

/// Waits for nothing but the time that an address says itself.
#[tokio::test]
async fn an_address_that_is_over_is_refused() {
    let strict = Strict::start().await;
    let aws = aws(&strict.url).await;
    let store = S3Blobs::new(&aws, "bucket", prefix());
    let key: BlobKey = "firmware/x".parse().unwrap();
    let put = store.put(&key, once(&b"image"[..]), BlobDigest::of(b"image"), Existing::Keep);
    put.await.unwrap();
    let address = async |life| {
        let url = store.download_url(&key, life).await.unwrap().unwrap();
        url.expose().clone()
    };
    // An address holds as long as it says: nobody can ask for more than S3 takes, or write another time into it.
    let long = address(Duration::from_secs(30 * 86_400)).await;
    assert!(long.contains("X-Amz-Expires=604800"), "{long}");
    assert_eq!(fetch()(long.clone()).await.unwrap(), b"image");
    let changed = long.replace("X-Amz-Expires=604800", "X-Amz-Expires=604799");
    assert_eq!(fetch()(changed).await, Err(403));
    let short = address(Duration::from_secs(1)).await;
    assert!(short.contains("X-Amz-Expires=1&"), "{short}");
    let begun = Instant::now();
    let status = loop {
        match fetch()(short.clone()).await {
            Ok(_) => assert!(begun.elapsed() < Duration::from_secs(10), "it holds for ever"),
            Err(status) => break status,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(status, 403);
    assert_eq!(fetch()(long).await.unwrap(), b"image", "it is the address that is over");
    // A further life for one that is over is what its signature forbids.
    let longer = short.replace("X-Amz-Expires=1&", "X-Amz-Expires=600&");
    assert_eq!(fetch()(longer).await, Err(403));
}

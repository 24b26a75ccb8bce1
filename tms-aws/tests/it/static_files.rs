//! Static files in S3.

use bytes::Bytes;
use tms_aws::{
    FaultKind,
    static_files::{StaticFile, upload_missing},
};
use tms_core::blob::BlobPrefix;

use crate::{
    s3::{Strict, bucket, client},
    stand_in::{aws, hurried, signed, url},
};

fn file(path: &str, content_type: &str, content: &str) -> StaticFile {
    StaticFile {
        path: path.parse().unwrap(),
        content_type: content_type.to_owned(),
        bytes: Bytes::copy_from_slice(content.as_bytes()),
    }
}

#[tokio::test]
async fn only_what_is_missing_is_uploaded_with_headers() {
    let Some(url) = url() else { return };
    let aws = aws(&url).await;
    let bucket = bucket(&aws, &url).await;
    let prefix = BlobPrefix::new("static").unwrap();
    let mut files = vec![
        file("console/app-0a1b.css", "text/css", "a { }"),
        file("console/app-2c3d.js", "text/javascript", "1;"),
    ];
    let first = upload_missing(&aws, &bucket, &prefix, &files).await.unwrap();
    assert_eq!((first.uploaded.len(), first.present), (2, 0));
    let again = upload_missing(&aws, &bucket, &prefix, &files).await.unwrap();
    assert_eq!((again.uploaded.len(), again.present), (0, 2));
    let client = client(&aws, &url);
    let object = || client.get_object().bucket(&bucket).key("static/console/app-0a1b.css");
    let found = object().send().await.unwrap();
    assert_eq!(found.content_type(), Some("text/css"));
    assert_eq!(found.cache_control(), Some("public, max-age=31536000, immutable"));
    let put = client.put_object().bucket(&bucket).key("static/console/app-0a1b.css");
    put.body(Vec::from(b"a".as_slice()).into()).send().await.unwrap();
    files.push(file("console/new-4e5f.svg", "image/svg+xml", "<svg/>"));
    let third = upload_missing(&aws, &bucket, &prefix, &files).await.unwrap();
    let uploaded: Vec<_> = third.uploaded.iter().map(ToString::to_string).collect();
    assert_eq!(
        uploaded,
        ["console/app-0a1b.css", "console/new-4e5f.svg"],
        "what was cut is mended"
    );
    let mended = object()
        .send()
        .await
        .unwrap()
        .body
        .collect()
        .await
        .unwrap()
        .into_bytes();
    assert_eq!(mended.as_ref(), b"a { }");
}

#[tokio::test]
async fn hundreds_of_files_are_listed_page_by_page() {
    let Some(url) = url() else { return };
    let aws = aws(&url).await;
    let bucket = bucket(&aws, &url).await;
    let files: Vec<_> = (0..1_100)
        .map(|n| file(&format!("f-{n:05}.txt"), "text/plain", "x"))
        .collect();
    let prefix = BlobPrefix::default();
    let first = upload_missing(&aws, &bucket, &prefix, &files).await.unwrap();
    assert_eq!(first.uploaded.len(), 1_100);
    let again = upload_missing(&aws, &bucket, &prefix, &files).await.unwrap();
    assert_eq!(again.present, 1_100);
}

#[tokio::test]
async fn a_wrong_key_is_denied() {
    let strict = Strict::start().await;
    let wrong = signed(&strict.url, "another secret", hurried()).await;
    let files = [file("a.css", "text/css", "a")];
    let fault = upload_missing(&wrong, "bucket", &BlobPrefix::default(), &files)
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied);
}

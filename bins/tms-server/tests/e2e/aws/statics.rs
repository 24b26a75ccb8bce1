//! `tms collect-static` into a bucket: served from there as from the server, and again nothing is uploaded.

use serde_json::{Value, json};

use super::{
    said, setting,
    stand_in::{StandIn, on_aws},
};

#[tokio::test]
async fn what_pages_load_is_collected_into_a_bucket_once_and_mended() {
    let Some(stand_in) = StandIn::find("ca-central-1") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let bucket = stand_in.bucket().await;
    let setting = setting(folder.path(), &stand_in);
    let collect = ["collect-static", "--to", &format!("s3://{bucket}/a/b"), "--json"];
    let first = setting.json(&collect, "");
    assert_eq!(first["to"], format!("s3://{bucket}/a/b/"));
    let written = first["written"].as_array().unwrap();
    assert!(!written.is_empty() && first["files"] == written.len(), "{first}");
    let server = setting.start().await;
    for name in written {
        let name = name.as_str().unwrap();
        let shown = reqwest::get(format!("{}/static/{name}", server.url())).await.unwrap();
        let stored = stand_in.object(&bucket, &format!("a/b/{name}")).await;
        for header in ["content-type", "cache-control"] {
            assert_eq!(stored.headers()[header], shown.headers()[header], "{name}: {header}");
        }
        assert_eq!(stored.bytes().await.unwrap(), shown.bytes().await.unwrap(), "{name}");
    }
    let list = stand_in.object(&bucket, "a/b/manifest.json").await;
    assert_eq!(list.headers()["cache-control"], "no-cache", "it keeps its name");
    assert_eq!(list.json::<Value>().await.unwrap(), first["manifest"]);
    assert_eq!(setting.json(&collect, "")["written"], json!([]));
    // What was cut off is written again, what a former release left stays, and a list of another release does not.
    stand_in
        .put(
            &bucket,
            &format!("a/b/{}", written[0].as_str().unwrap()),
            b"cut".to_vec(),
        )
        .await;
    stand_in.put(&bucket, "a/b/former.css", b"a".to_vec()).await;
    stand_in.put(&bucket, "a/b/manifest.json", b"{}".to_vec()).await;
    assert_eq!(setting.json(&collect, "")["written"], json!([written[0]]));
    stand_in.object(&bucket, "a/b/former.css").await;
    let list = stand_in.object(&bucket, "a/b/manifest.json").await;
    assert_eq!(list.json::<Value>().await.unwrap(), first["manifest"]);
}

#[tokio::test]
async fn the_bucket_of_the_configuration_is_where_static_files_go() {
    let Some(stand_in) = StandIn::find("eu-north-1") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let bucket = stand_in.bucket().await;
    let setting = setting(folder.path(), &stand_in).with("S3_BUCKET", &bucket);
    let done = setting.json(&["collect-static", "--json"], "");
    assert_eq!(done["to"], format!("s3://{bucket}/static/"));
    stand_in.object(&bucket, "static/manifest.json").await;
    // A place that is named wins.
    let to = folder.path().join("static");
    setting.json(&["collect-static", "--to", to.to_str().unwrap(), "--json"], "");
    assert!(to.join("manifest.json").exists());

    let missing = ["collect-static", "--to", "s3://not-there-at-all/x"];
    let output = setting.run(&missing, "");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("s3://not-there-at-all/x/") && said(&output).contains("NoSuchBucket"),
        "{}",
        said(&output)
    );
    let gone = on_aws(setting.clone(), &stand_in, "http://127.0.0.1:9").run(&["collect-static"], "");
    assert_eq!(gone.status.code(), Some(1));
    let wrong = setting.with("S3_BUCKET", "Not a bucket").run(&["collect-static"], "");
    assert_eq!(wrong.status.code(), Some(2));
    assert!(said(&wrong).contains("S3_BUCKET"), "{}", said(&wrong));
}

//! `tms collect-static`: what a server serves can be served from a folder, and again writes nothing.

use crate::server::Setting;

#[tokio::test]
async fn what_pages_load_is_collected_once_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    let setting = Setting::sqlite(&folder.path().join("data"));
    let to = folder.path().join("static");
    let collect = ["collect-static", "--to", to.to_str().unwrap(), "--json"];
    let first = setting.json(&collect, "");
    let written = first["written"].as_array().unwrap();
    assert!(!written.is_empty() && first["files"] == written.len(), "{first}");
    let server = setting.start().await;
    for name in written {
        let name = name.as_str().unwrap();
        let url = format!("{}/static/{name}", server.url());
        let answer = reqwest::get(url).await.unwrap();
        assert_eq!(answer.status(), 200, "{name}");
        assert_eq!(
            answer.bytes().await.unwrap(),
            std::fs::read(to.join(name)).unwrap(),
            "{name}"
        );
    }
    let manifest: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(to.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest, first["manifest"]);
    assert_eq!(setting.json(&collect, "")["written"], serde_json::json!([]));
    // What was cut off is written again, and what a former release left stays.
    let cut = to.join(written[0].as_str().unwrap());
    std::fs::write(&cut, "cut").unwrap();
    std::fs::write(to.join("former.css"), "a").unwrap();
    let mended = setting.json(&collect, "");
    assert_eq!(mended["written"], serde_json::json!([written[0]]));
    assert!(to.join("former.css").exists());
    for wrong in ["/proc/nowhere", "s3://", "s3://bucket/../x"] {
        let output = setting.run(&["collect-static", "--to", wrong], "");
        assert_eq!(output.status.code(), Some(1), "{wrong}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(wrong), "{output:?}");
    }
}

//! Values from Secrets Manager: `..._SECRET` of a key names the secret that has its value.

use std::collections::BTreeMap;

use super::sources::Sources;

/// What must be known before Secrets Manager can be asked.
const OWN: &[&str] = &["AWS_REGION", "AWS_ENDPOINT_URL", "TMS_CONFIG"];

impl Sources {
    /// Replaces each `..._SECRET` by what the secret of that name has. All are read at once, and each fault is noted.
    pub(super) fn resolve_secrets(&mut self) {
        let keys = self.values.keys();
        let asking: Vec<String> = keys.filter(|key| key.ends_with("_SECRET")).cloned().collect();
        let mut wanted = BTreeMap::new();
        for key in asking {
            let Some(name) = self.values.remove(&key) else { continue };
            let target = key.trim_end_matches("_SECRET");
            if OWN.contains(&target) {
                self.faults
                    .push(format!("{key}: {target} must be known before a secret can be read"));
            } else if self.values.contains_key(target) {
                self.faults.push(format!("{key}: {target} is set too; say only one"));
            } else {
                wanted.insert(target.to_owned(), name.trim().to_owned());
            }
        }
        if !wanted.is_empty() {
            self.read_secrets(&wanted);
        }
    }

    #[cfg(not(feature = "aws"))]
    fn read_secrets(&mut self, wanted: &BTreeMap<String, String>) {
        for key in wanted.keys() {
            let fault = format!("{key}_SECRET: this build has no AWS; build it with `--features aws`");
            self.faults.push(fault);
        }
    }

    #[cfg(feature = "aws")]
    fn read_secrets(&mut self, wanted: &BTreeMap<String, String>) {
        use tms_aws::{Aws, AwsSettings, secrets::SecretName};

        let mut names: BTreeMap<&str, SecretName> = BTreeMap::new();
        for (key, text) in wanted {
            match text.parse() {
                Ok(name) => {
                    names.insert(key, name);
                }
                Err(wrong) => self.faults.push(format!("{key}_SECRET: {wrong}")),
            }
        }
        let text = |key: &str| self.values.get(key).map(|value| value.trim().to_owned());
        let settings = AwsSettings {
            region: text("AWS_REGION").filter(|region| !region.is_empty()),
            endpoint_url: text("AWS_ENDPOINT_URL").filter(|url| !url.is_empty()),
            ..AwsSettings::default()
        };
        let all: Vec<SecretName> = names.values().cloned().collect();
        // Before anything else of the process runs: nothing can begin without its configuration.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let answers = match runtime {
            Ok(runtime) => runtime.block_on(async {
                let aws = Aws::load(&settings).await;
                tms_aws::secrets::read(&aws, &all).await
            }),
            Err(error) => {
                self.faults.push(format!("secrets can't be read: {error}"));
                return;
            }
        };
        for (key, name) in names {
            match answers.get(&name) {
                Some(Ok(secret)) => {
                    self.values.insert(key.to_owned(), secret.expose().clone());
                }
                Some(Err(fault)) => self.faults.push(format!("{key}_SECRET: {name}: {fault}")),
                None => self.faults.push(format!("{key}_SECRET: {name}: it was not read")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_named() {
        let sources = Sources::of_pairs(&[
            ("AWS_REGION_SECRET", "region"),
            ("SECRET_KEY", "k"),
            ("SECRET_KEY_SECRET", "key"),
        ]);
        assert_eq!(sources.faults.len(), 2, "{:?}", sources.faults);
        assert!(sources.faults[0].contains("before a secret"));
        assert!(sources.faults[1].contains("say only one"));
        assert!(!sources.values.keys().any(|key| key.ends_with("_SECRET")));
    }
}

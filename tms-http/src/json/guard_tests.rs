//! The guard against a slow and obvious reading of the same text.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[test]
fn each_fault_is_named() {
    let nested = |n: usize| format!("{}1{}", r#"{"a":"#.repeat(n), "}".repeat(n));
    for (text, expected) in [
        (r#"{"a":1,"b":{"a":2}}"#.to_owned(), Ok(())),
        (r#"{"a":1,"a":2}"#.to_owned(), Err(Fault::Duplicate("a".into()))),
        (r#"{"a":1,"\u0061":2}"#.to_owned(), Err(Fault::Duplicate("a".into()))),
        (
            r#"{"x":[{"q":1},{"deep":{"q":1,"q":1}}]}"#.to_owned(),
            Err(Fault::Duplicate("q".into())),
        ),
        (r#"{"a":"x\u0000y"}"#.to_owned(), Err(Fault::Nul("a".into()))),
        (r#"{"a":"x\\u0000y"}"#.to_owned(), Ok(())),
        (r#"{"a":"\"","b":"a\":"}"#.to_owned(), Ok(())),
        ("{\"a\":\"x\ny\"}".to_owned(), Err(Fault::Control)),
        (r#"["TC-1"]"#.to_owned(), Err(Fault::NotAnObject("body".into()))),
        (
            r#"{"metrics":[1,2,3,4]}"#.to_owned(),
            Err(Fault::NotAnObject("metrics".into())),
        ),
        (r#"{"logs":[["x"]]}"#.to_owned(), Err(Fault::NotAnObject("logs".into()))),
        (r#"{"logs":[{"details":[[1],[2]]}]}"#.to_owned(), Ok(())),
        (nested(MAX_DEPTH), Ok(())),
        (nested(MAX_DEPTH + 1), Err(Fault::TooDeep)),
    ] {
        assert_eq!(check(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn many_keys_are_compared_quickly() {
    let keys: Vec<String> = (0..8_000).map(|n| format!("\"{n}\":0")).collect();
    assert_eq!(check(format!("{{{}}}", keys.join(",")).as_bytes()), Ok(()));
    let twice = format!("{{{},\"4711\":1}}", keys.join(","));
    assert_eq!(check(twice.as_bytes()), Err(Fault::Duplicate("4711".into())));
}

/// Any JSON value as pairs, so that an object may have a key twice.
#[derive(Debug, Clone)]
enum Node {
    Leaf(Value),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    fn print(&self) -> String {
        match self {
            Self::Leaf(value) => value.to_string(),
            Self::List(items) => format!("[{}]", items.iter().map(Self::print).collect::<Vec<_>>().join(" ,")),
            Self::Object(pairs) => {
                let pairs: Vec<_> = pairs
                    .iter()
                    .map(|(k, v)| format!("{} : {}", Value::from(k.as_str()), v.print()))
                    .collect();
                format!("{{{}}}", pairs.join(","))
            }
        }
    }

    fn repeats(&self) -> bool {
        match self {
            Self::Leaf(_) => false,
            Self::List(items) => items.iter().any(Self::repeats),
            Self::Object(pairs) => {
                let distinct: HashSet<_> = pairs.iter().map(|(key, _)| key).collect();
                distinct.len() < pairs.len() || pairs.iter().any(|(_, value)| value.repeats())
            }
        }
    }
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        "[a-c\"\\\\{}\\[\\]:, é]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_map(Node::Leaf).prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Node::List),
            prop::collection::vec(("[a-d\"\\\\é]{0,2}", inner), 0..24).prop_map(Node::Object),
        ]
    })
}

proptest! {
    #[test]
    fn a_repeated_key_is_found_and_nothing_else(node in node()) {
        // Inside `x.y` no list is in the place of an object.
        let text = format!("{{\"x\":{{\"y\":{}}}}}", node.print());
        prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok());
        let found = matches!(check(text.as_bytes()), Err(Fault::Duplicate(_)));
        prop_assert_eq!(found, node.repeats(), "{}", text);
    }

    #[test]
    fn rubbish_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[{}\\[\\]\":,\\\\u0a]{0,200}") {
        let _ = check(&bytes);
        let _ = check(text.as_bytes());
    }
}

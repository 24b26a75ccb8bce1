//! What is looked at about people: what they must show, and whether somebody else could be they.

use tms_core::{
    Error, Tms,
    ctx::Ctx,
    operator::{User, UserFilter, password::is_foreign},
    page::{Order, PageRequest, PageStart},
    permission::Role,
};

use super::finding::Finding;
use crate::wire_up::explain;

/// Names that everybody tries first.
const DEFAULT_NAMES: &[&str] = &[
    "admin",
    "administrator",
    "root",
    "test",
    "demo",
    "guest",
    "user",
    "operator",
    "support",
];
const CAN_GOVERN: &str =
    "make a second one with `tms user create`: nobody can help the last one who lost a second factor";

/// Looks at people and at what they must show.
pub async fn strictly(tms: &Tms) -> Vec<Finding> {
    let ctx = tms.system_ctx();
    let mut findings = match tms.settings().get(&ctx).await {
        Ok(stored) => vec![second_factors(
            &stored
                .settings
                .security
                .second_factor_roles
                .into_iter()
                .collect::<Vec<_>>(),
        )],
        Err(error) => return vec![Finding::fault("second factors", explain(error).to_string(), "")],
    };
    match all(tms, &ctx).await {
        Ok(users) => findings.extend([default_names(&users), administrators(&users), passwords(&users)]),
        Err(error) => findings.push(Finding::fault("people", explain(error).to_string(), "")),
    }
    findings
}

async fn all(tms: &Tms, ctx: &Ctx) -> Result<Vec<User>, Error> {
    let (mut users, mut page) = (Vec::new(), PageRequest::first(100));
    loop {
        let found = tms
            .users()
            .list(ctx, UserFilter::default(), Order::Ascending, &page)
            .await?;
        users.extend(found.items.into_iter().filter(|user| !user.profile.is_disabled));
        match found.next {
            Some(cursor) => page.start = PageStart::After(cursor),
            None => return Ok(users),
        }
    }
}

fn second_factors(asked: &[Role]) -> Finding {
    const NAME: &str = "second factors";
    const FIX: &str = "set security.second_factor_roles by PUT /api/v1/settings, or in the console";
    let missing: Vec<&str> = [Role::Admin, Role::Operator, Role::Support]
        .into_iter()
        .filter(|role| !asked.contains(role))
        .map(Role::as_str)
        .collect();
    if !asked.contains(&Role::Admin) {
        Finding::fault(NAME, format!("none is asked of {}", missing.join(", ")), FIX)
    } else if missing.is_empty() {
        Finding::ok(NAME)
    } else {
        Finding::better(NAME, format!("none is asked of {}", missing.join(", ")), FIX)
    }
}

fn default_names(users: &[User]) -> Finding {
    let named = users
        .iter()
        .filter(|user| DEFAULT_NAMES.contains(&user.username.as_str()) && !user.has_second_factor);
    let named: Vec<&str> = named.map(|user| user.username.as_str()).collect();
    if named.is_empty() {
        return Finding::ok("default accounts");
    }
    let text = format!(
        "everybody tries these names first, and they have no second factor: {}",
        named.join(", ")
    );
    Finding::better(
        "default accounts",
        text,
        "set up a second factor for them, or use people's own names and disable them",
    )
}

fn administrators(users: &[User]) -> Finding {
    match users.iter().filter(|user| user.profile.governs()).count() {
        0 => Finding::fault(
            "administrators",
            "nobody can manage people",
            "run `tms user create --role admin`",
        ),
        1 => Finding::better("administrators", "there is one only", CAN_GOVERN),
        _ => Finding::ok("administrators"),
    }
}

fn passwords(users: &[User]) -> Finding {
    let foreign = users
        .iter()
        .filter(|user| user.password_hash.as_ref().is_some_and(is_foreign))
        .count();
    if foreign == 0 {
        return Finding::ok("password hashes");
    }
    let text =
        format!("{foreign} people have not signed in since they were taken over: their hashes are cheaper to guess");
    Finding::better("password hashes", text, "let them sign in once, or disable them")
}

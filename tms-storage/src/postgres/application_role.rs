//! The role that servers sign in as: the migration makes it when it is told a password.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use tms_core::secret::Secret;

use super::{
    migrate::MigrateError,
    settings::{ConnectError, quoted},
};

/// How often the password is hashed: PostgreSQL's own figure.
const ITERATIONS: u32 = 4_096;

/// Makes the role if it is missing, and sets its password in any case.
///
/// The password itself never reaches the database, which may log the statements that change roles: only the verifier
/// of SCRAM-SHA-256 does (RFC 5802, RFC 7677), from which it can't be had back.
///
/// # Errors
/// [`ConnectError::Password`] when it is not plain ASCII, [`MigrateError::Database`] when the owner may not make roles.
pub(super) async fn ensure(
    connection: &mut PgConnection,
    role: &str,
    password: &Secret<String>,
) -> Result<(), MigrateError> {
    let name = quoted(role)?;
    // Other characters would need the normal form of RFC 4013 first.
    if !password.expose().bytes().all(|b| b.is_ascii_graphic()) {
        return Err(ConnectError::Password.into());
    }
    let is_there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
        .bind(role)
        .fetch_one(&mut *connection)
        .await?;
    // Sixteen random bytes from the database: the salt is no secret.
    let salt: Vec<u8> = sqlx::query_scalar("SELECT uuid_send(gen_random_uuid())")
        .fetch_one(&mut *connection)
        .await?;
    let keys = Keys::derive(password.expose().as_bytes(), &salt, ITERATIONS);
    let verb = if is_there { "ALTER" } else { "CREATE" };
    let statement: String = sqlx::query_scalar(
        "SELECT format('%s ROLE %s LOGIN PASSWORD %L', $1, $2, \
         format('SCRAM-SHA-256$%s:%s$%s:%s', $3::int, encode($4, 'base64'), encode($5, 'base64'), encode($6, 'base64')))",
    )
    .bind(verb)
    .bind(name)
    .bind(i64::from(ITERATIONS))
    .bind(&salt)
    .bind(keys.stored.as_slice())
    .bind(keys.server.as_slice())
    .fetch_one(&mut *connection)
    .await?;
    connection.execute(AssertSqlSafe(statement)).await?;
    Ok(())
}

/// What a server keeps of a password (RFC 5802 section 3).
struct Keys {
    stored: [u8; 32],
    server: [u8; 32],
}

impl Keys {
    fn derive(password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let salted = salted_password(password, salt, iterations);
        let client = mac(&salted, &[b"Client Key"]);
        Self {
            stored: Sha256::digest(client).into(),
            server: mac(&salted, &[b"Server Key"]),
        }
    }
}

/// `Hi()` of RFC 5802 section 2.2: PBKDF2 with one block of output.
fn salted_password(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let mut last = mac(password, &[salt, &1_u32.to_be_bytes()]);
    let mut sum = last;
    for _ in 1..iterations {
        last = mac(password, &[&last]);
        for (byte, other) in sum.iter_mut().zip(last) {
            *byte ^= other;
        }
    }
    sum
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // A code of this kind takes a key of any length.
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in parts {
        code.update(part);
    }
    code.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677 section 3: user `user`, password `pencil`, salt `W22ZaJ0SNY7soEsUEjb6gQ==`.
    #[test]
    fn the_keys_answer_the_exchange_of_the_standard() {
        let salt = [
            0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81,
        ];
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let keys = Keys::derive(b"pencil", &salt, 4_096);
        // v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=
        let signature = [
            0xea, 0xba, 0xe2, 0x4d, 0x10, 0x62, 0xdb, 0x75, 0xa9, 0x45, 0x1f, 0xf0, 0xb6, 0xea, 0x7e, 0x98, 0xc8, 0x54,
            0x65, 0x49, 0xff, 0x74, 0x1e, 0x67, 0x2d, 0x32, 0x51, 0xb2, 0x39, 0x7d, 0xe4, 0x6e,
        ];
        assert_eq!(mac(&keys.server, &[message.as_bytes()]), signature);
        // p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=
        let proof = [
            0x74, 0x7c, 0xdb, 0x65, 0xaa, 0x56, 0x22, 0x4e, 0x23, 0x52, 0x13, 0x7e, 0x52, 0xd7, 0xbd, 0xca, 0xd6, 0xa0,
            0xf7, 0x38, 0xdf, 0x30, 0x78, 0x2c, 0xaa, 0x69, 0xa2, 0xcf, 0xb0, 0x27, 0x75, 0x54,
        ];
        let signed = mac(&keys.stored, &[message.as_bytes()]);
        let client: Vec<u8> = proof.iter().zip(signed).map(|(a, b)| a ^ b).collect();
        assert_eq!(Sha256::digest(client).as_slice(), keys.stored);
    }
}

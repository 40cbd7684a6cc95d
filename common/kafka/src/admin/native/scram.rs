//! SCRAM-SHA-512 logins.

use std::{collections::BTreeSet, ffi::CString, time::Duration};

use rdkafka::{client::Client, error::RDKafkaErrorCode};
use rdkafka_sys as sys;

use super::{Owned, c_string, check, copied, elements, request};
use crate::{error::KafkaError, login::Watch};

/// Adds or replaces (`Some`: password, salt, iterations) or removes the SCRAM-SHA-512 login of a user.
pub(in crate::admin) fn alter_scram(
    client: &Client<Watch>,
    limit: Duration,
    user: &str,
    wanted: Option<(&[u8], &[u8], i32)>,
) -> Result<(), KafkaError> {
    let mechanism = sys::rd_kafka_ScramMechanism_t::RD_KAFKA_SCRAM_MECHANISM_SHA_512;
    let doing = match wanted {
        Some(_) => format!("setting the password of {user}"),
        None => format!("removing the login {user}"),
    };
    let name = c_string(user)?;
    // SAFETY: name, password and salt outlive the call that copies them.
    let alteration = unsafe {
        match wanted {
            Some((password, salt, iterations)) => sys::rd_kafka_UserScramCredentialUpsertion_new(
                name.as_ptr(),
                mechanism,
                iterations,
                password.as_ptr(),
                password.len(),
                salt.as_ptr(),
                salt.len(),
            ),
            None => sys::rd_kafka_UserScramCredentialDeletion_new(name.as_ptr(), mechanism),
        }
    };
    let alteration = Owned::new(
        alteration,
        sys::rd_kafka_UserScramCredentialAlteration_destroy,
        "the login",
    )?;
    let event = request(
        client,
        sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ALTERUSERSCRAMCREDENTIALS,
        limit,
        &doing,
        |native, options, queue| {
            let mut alterations = [alteration.0];
            // SAFETY: the library copies the alterations before it returns.
            unsafe {
                sys::rd_kafka_AlterUserScramCredentials(
                    native,
                    alterations.as_mut_ptr(),
                    1,
                    options,
                    queue,
                );
            }
            Ok(())
        },
    )?;
    // SAFETY: the event is of the type asked for and lives to the end of this block.
    unsafe {
        let result = sys::rd_kafka_event_AlterUserScramCredentials_result(event.0);
        let mut count = 0;
        let responses =
            sys::rd_kafka_AlterUserScramCredentials_result_responses(result, &raw mut count);
        for response in elements(responses, count) {
            check(
                &doing,
                sys::rd_kafka_AlterUserScramCredentials_result_response_error(response),
            )?;
        }
    }
    Ok(())
}

/// Those of the users that have a SCRAM-SHA-512 login.
pub(in crate::admin) fn with_scram(
    client: &Client<Watch>,
    limit: Duration,
    users: &[String],
) -> Result<BTreeSet<String>, KafkaError> {
    let doing = format!("looking for the logins {}", users.join(", "));
    let names: Vec<CString> = users
        .iter()
        .map(|user| c_string(user))
        .collect::<Result<_, _>>()?;
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    let event = request(
        client,
        sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBEUSERSCRAMCREDENTIALS,
        limit,
        &doing,
        |native, options, queue| {
            // SAFETY: the library copies the names before it returns.
            unsafe {
                sys::rd_kafka_DescribeUserScramCredentials(
                    native,
                    pointers.as_mut_ptr(),
                    pointers.len(),
                    options,
                    queue,
                );
            }
            Ok(())
        },
    )?;
    let mut with = BTreeSet::new();
    // SAFETY: the event is of the type asked for and lives to the end of this block; indices are below the count.
    unsafe {
        let result = sys::rd_kafka_event_DescribeUserScramCredentials_result(event.0);
        let mut count = 0;
        let users =
            sys::rd_kafka_DescribeUserScramCredentials_result_descriptions(result, &raw mut count);
        for user in elements(users, count) {
            let error = sys::rd_kafka_UserScramCredentialsDescription_error(user);
            if let Err(error) = check(&doing, error) {
                if error.code() == Some(RDKafkaErrorCode::ResourceNotFound) {
                    continue;
                }
                return Err(error);
            }
            let logins =
                sys::rd_kafka_UserScramCredentialsDescription_scramcredentialinfo_count(user);
            for index in 0..logins {
                let login =
                    sys::rd_kafka_UserScramCredentialsDescription_scramcredentialinfo(user, index);
                if sys::rd_kafka_ScramCredentialInfo_mechanism(login)
                    == sys::rd_kafka_ScramMechanism_t::RD_KAFKA_SCRAM_MECHANISM_SHA_512
                {
                    let name = sys::rd_kafka_UserScramCredentialsDescription_user(user);
                    with.insert(copied(name));
                }
            }
        }
    }
    Ok(with)
}

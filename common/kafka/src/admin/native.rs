//! The calls of the client library that `rdkafka` does not wrap: SCRAM users, ACLs, and rights of the caller.
//!
//! Each call hands copies of its arguments to the library, waits on a queue of its own, copies the answer, and destroys
//! what it made. Pointers into an answer never outlive it.
#![expect(
    unsafe_code,
    reason = "rdkafka has no safe form of these calls; this is the only module that makes them"
)]

use std::{
    ffi::{CStr, CString, c_char},
    ptr,
    time::Duration,
};

use rdkafka::{client::Client, error::RDKafkaErrorCode};
use rdkafka_sys as sys;

use super::{
    acl::{Acl, Operation, Resource},
    topic::TopicState,
};
use crate::{error::KafkaError, login::Watch};

/// Destroys what the library made, when it goes out of scope.
struct Owned<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Owned<T> {
    fn new(
        pointer: *mut T,
        destroy: unsafe extern "C" fn(*mut T),
        what: &str,
    ) -> Result<Self, KafkaError> {
        if pointer.is_null() {
            return Err(KafkaError::Config(format!(
                "the Kafka client rejects {what}"
            )));
        }
        Ok(Self(pointer, destroy))
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: `new` checked the pointer; it came with this destructor, and nobody else destroys it.
        unsafe { (self.1)(self.0) }
    }
}

fn c_string(text: &str) -> Result<CString, KafkaError> {
    CString::new(text).map_err(|_| KafkaError::Config(format!("{text:?} holds a NUL byte")))
}

/// A copy of a string of the library; empty if there is none.
fn copied(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the library's strings end with NUL, and the caller holds the answer that this one is part of.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

/// The error in an answer, or nothing.
fn check(doing: &str, error: *const sys::rd_kafka_error_t) -> Result<(), KafkaError> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: not null, and part of an answer that the caller holds.
    let (code, reason) = unsafe {
        (
            sys::rd_kafka_error_code(error),
            copied(sys::rd_kafka_error_string(error)),
        )
    };
    if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    Err(KafkaError::Request {
        doing: doing.to_owned(),
        code: code.into(),
        reason,
    })
}

/// The elements of an array in an answer.
fn elements<T: Copy>(array: *const T, count: usize) -> Vec<T> {
    if array.is_null() {
        return Vec::new();
    }
    // SAFETY: the library says how many there are; the caller holds the answer they are part of.
    unsafe { std::slice::from_raw_parts(array, count) }.to_vec()
}

type Options = sys::rd_kafka_AdminOptions_t;
type Queue = sys::rd_kafka_queue_t;
type Event = Owned<sys::rd_kafka_event_t>;

/// Sends a request and waits for its answer.
fn request(
    client: &Client<Watch>,
    operation: sys::rd_kafka_admin_op_t,
    limit: Duration,
    doing: &str,
    send: impl FnOnce(*mut sys::rd_kafka_t, *mut Options, *mut Queue) -> Result<(), KafkaError>,
) -> Result<Event, KafkaError> {
    let native = client.native_ptr();
    let millis = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: `native` lives as long as `client`; options and queue are destroyed here, after the answer arrived or the
    // library gave the request up, which the request's own time limit makes it do before the wait ends.
    unsafe {
        let queue = Owned::new(
            sys::rd_kafka_queue_new(native),
            sys::rd_kafka_queue_destroy,
            "a queue",
        )?;
        let options = Owned::new(
            sys::rd_kafka_AdminOptions_new(native, operation),
            sys::rd_kafka_AdminOptions_destroy,
            "a request's options",
        )?;
        sys::rd_kafka_AdminOptions_set_request_timeout(options.0, millis, ptr::null_mut(), 0);
        send(native, options.0, queue.0)?;
        let event = sys::rd_kafka_queue_poll(queue.0, millis.saturating_add(1_000));
        if event.is_null() {
            return Err(KafkaError::request(
                doing,
                RDKafkaErrorCode::OperationTimedOut,
            ));
        }
        let event = Owned::new(event, sys::rd_kafka_event_destroy, "an answer")?;
        let code = sys::rd_kafka_event_error(event.0);
        if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(KafkaError::Request {
                doing: doing.to_owned(),
                code: code.into(),
                reason: copied(sys::rd_kafka_event_error_string(event.0)),
            });
        }
        Ok(event)
    }
}

/// Adds or replaces (`Some`: password, salt, iterations) or removes the SCRAM-SHA-512 login of a user.
pub(super) fn alter_scram(
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

/// Whether the user has a SCRAM-SHA-512 login.
pub(super) fn has_scram(
    client: &Client<Watch>,
    limit: Duration,
    user: &str,
) -> Result<bool, KafkaError> {
    let doing = format!("looking for the login {user}");
    let name = c_string(user)?;
    let event = request(
        client,
        sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBEUSERSCRAMCREDENTIALS,
        limit,
        &doing,
        |native, options, queue| {
            let mut users = [name.as_ptr()];
            // SAFETY: the library copies the names before it returns.
            unsafe {
                sys::rd_kafka_DescribeUserScramCredentials(
                    native,
                    users.as_mut_ptr(),
                    1,
                    options,
                    queue,
                );
            }
            Ok(())
        },
    )?;
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
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

type Binding = Owned<sys::rd_kafka_AclBinding_t>;
use sys::{
    rd_kafka_AclOperation_t as NativeOperation, rd_kafka_AclPermissionType_t as Permission,
    rd_kafka_ResourcePatternType_t as Pattern, rd_kafka_ResourceType_t as Kind,
};

fn native_resource(resource: &Resource) -> Result<(Kind, CString), KafkaError> {
    Ok(match resource {
        Resource::Topic(name) => (Kind::RD_KAFKA_RESOURCE_TOPIC, c_string(name)?),
        Resource::Group(name) => (Kind::RD_KAFKA_RESOURCE_GROUP, c_string(name)?),
    })
}

fn native_operation(operation: Operation) -> NativeOperation {
    match operation {
        Operation::Read => NativeOperation::RD_KAFKA_ACL_OPERATION_READ,
        Operation::Write => NativeOperation::RD_KAFKA_ACL_OPERATION_WRITE,
        Operation::Describe => NativeOperation::RD_KAFKA_ACL_OPERATION_DESCRIBE,
    }
}

fn operation(native: NativeOperation) -> Option<Operation> {
    match native {
        NativeOperation::RD_KAFKA_ACL_OPERATION_READ => Some(Operation::Read),
        NativeOperation::RD_KAFKA_ACL_OPERATION_WRITE => Some(Operation::Write),
        NativeOperation::RD_KAFKA_ACL_OPERATION_DESCRIBE => Some(Operation::Describe),
        _ => None,
    }
}

fn binding(user: &str, acl: &Acl) -> Result<Binding, KafkaError> {
    let (kind, name) = native_resource(&acl.resource)?;
    let principal = c_string(&format!("User:{user}"))?;
    let mut error = [0; 256];
    // SAFETY: the strings outlive the call that copies them; the buffer is as long as said.
    let made = unsafe {
        sys::rd_kafka_AclBinding_new(
            kind,
            name.as_ptr(),
            Pattern::RD_KAFKA_RESOURCE_PATTERN_LITERAL,
            principal.as_ptr(),
            c"*".as_ptr(),
            native_operation(acl.operation),
            Permission::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
            error.as_mut_ptr(),
            error.len(),
        )
    };
    Owned::new(made, sys::rd_kafka_AclBinding_destroy, "the ACL")
}

/// A filter for every ACL of the user.
fn filter(user: &str) -> Result<Binding, KafkaError> {
    let principal = c_string(&format!("User:{user}"))?;
    let mut error = [0; 256];
    // SAFETY: the string outlives the call that copies it; null means any; the buffer is as long as said.
    let made = unsafe {
        sys::rd_kafka_AclBindingFilter_new(
            Kind::RD_KAFKA_RESOURCE_ANY,
            ptr::null(),
            Pattern::RD_KAFKA_RESOURCE_PATTERN_ANY,
            principal.as_ptr(),
            ptr::null(),
            NativeOperation::RD_KAFKA_ACL_OPERATION_ANY,
            Permission::RD_KAFKA_ACL_PERMISSION_TYPE_ANY,
            error.as_mut_ptr(),
            error.len(),
        )
    };
    Owned::new(made, sys::rd_kafka_AclBinding_destroy, "the filter of ACLs")
}

/// Adds ACLs; those that exist stay.
pub(super) fn create_acls(
    client: &Client<Watch>,
    limit: Duration,
    user: &str,
    acls: &[Acl],
) -> Result<(), KafkaError> {
    let doing = format!("granting rights to {user}");
    let bindings: Vec<Binding> = acls
        .iter()
        .map(|acl| binding(user, acl))
        .collect::<Result<_, _>>()?;
    let mut pointers: Vec<_> = bindings.iter().map(|binding| binding.0).collect();
    let event = request(
        client,
        sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATEACLS,
        limit,
        &doing,
        |native, options, queue| {
            // SAFETY: the library copies the bindings before it returns.
            unsafe {
                sys::rd_kafka_CreateAcls(
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
    // SAFETY: the event is of the type asked for and lives to the end of this block.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_CreateAcls_result(event.0);
        let results = sys::rd_kafka_CreateAcls_result_acls(result, &raw mut count);
        for result in elements(results, count) {
            check(&doing, sys::rd_kafka_acl_result_error(result))?;
        }
    }
    Ok(())
}

/// A copy of an ACL of an answer; none if it is of a kind that this crate never makes.
///
/// # Safety
/// `acl` is part of an answer that the caller holds.
unsafe fn read_acl(acl: *const sys::rd_kafka_AclBinding_t) -> Option<Acl> {
    // SAFETY: as above.
    unsafe {
        let literal = sys::rd_kafka_AclBinding_resource_pattern_type(acl)
            == Pattern::RD_KAFKA_RESOURCE_PATTERN_LITERAL;
        let allows = sys::rd_kafka_AclBinding_permission_type(acl)
            == Permission::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW;
        let name = copied(sys::rd_kafka_AclBinding_name(acl));
        let resource = match sys::rd_kafka_AclBinding_restype(acl) {
            Kind::RD_KAFKA_RESOURCE_TOPIC => Resource::Topic(name),
            Kind::RD_KAFKA_RESOURCE_GROUP => Resource::Group(name),
            _ => return None,
        };
        let operation = operation(sys::rd_kafka_AclBinding_operation(acl))?;
        let everywhere = copied(sys::rd_kafka_AclBinding_host(acl)) == "*";
        (literal && allows && everywhere).then_some(Acl {
            resource,
            operation,
        })
    }
}

/// Every ACL of the user, and how many of them this crate would not have made.
pub(super) fn describe_acls(
    client: &Client<Watch>,
    limit: Duration,
    user: &str,
) -> Result<(Vec<Acl>, usize), KafkaError> {
    let filter = filter(user)?;
    let event = request(
        client,
        sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBEACLS,
        limit,
        &format!("reading the rights of {user}"),
        |native, options, queue| {
            // SAFETY: the library copies the filter before it returns.
            unsafe { sys::rd_kafka_DescribeAcls(native, filter.0, options, queue) };
            Ok(())
        },
    )?;
    // SAFETY: the event is of the type asked for and lives to the end of this block.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_DescribeAcls_result(event.0);
        let found = elements(
            sys::rd_kafka_DescribeAcls_result_acls(result, &raw mut count),
            count,
        );
        let known: Vec<Acl> = found.iter().filter_map(|acl| read_acl(*acl)).collect();
        let others = found.len() - known.len();
        Ok((known, others))
    }
}

/// Removes every ACL of the user.
pub(super) fn delete_acls(
    client: &Client<Watch>,
    limit: Duration,
    user: &str,
) -> Result<(), KafkaError> {
    let doing = format!("withdrawing the rights of {user}");
    let filter = filter(user)?;
    let event = request(
        client,
        sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETEACLS,
        limit,
        &doing,
        |native, options, queue| {
            let mut filters = [filter.0];
            // SAFETY: the library copies the filters before it returns.
            unsafe {
                sys::rd_kafka_DeleteAcls(native, filters.as_mut_ptr(), 1, options, queue);
            }
            Ok(())
        },
    )?;
    // SAFETY: the event is of the type asked for and lives to the end of this block.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_DeleteAcls_result(event.0);
        let responses = sys::rd_kafka_DeleteAcls_result_responses(result, &raw mut count);
        for response in elements(responses, count) {
            check(
                &doing,
                sys::rd_kafka_DeleteAcls_result_response_error(response),
            )?;
        }
    }
    Ok(())
}

fn operations(array: *const NativeOperation, count: usize) -> Vec<Operation> {
    elements(array, count)
        .into_iter()
        .filter_map(operation)
        .collect()
}

/// The topics, with what the caller may do with each; a topic that is not there or not for the caller has an error.
pub(super) fn describe_topics(
    client: &Client<Watch>,
    limit: Duration,
    names: &[String],
) -> Result<Vec<TopicState>, KafkaError> {
    let doing = "describing topics";
    let names: Vec<CString> = names
        .iter()
        .map(|name| c_string(name))
        .collect::<Result<_, _>>()?;
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    // SAFETY: the names outlive the call that copies them.
    let made =
        unsafe { sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), names.len()) };
    let topics = Owned::new(made, sys::rd_kafka_TopicCollection_destroy, "the topics")?;
    let event = request(
        client,
        sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
        limit,
        doing,
        |native, options, queue| {
            // SAFETY: the library copies the topics before it returns; the error is destroyed by `Owned`.
            unsafe {
                with_rights(options)?;
                sys::rd_kafka_DescribeTopics(native, topics.0, options, queue);
            }
            Ok(())
        },
    )?;
    // SAFETY: the event is of the type asked for and lives to the end of this block.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_DescribeTopics_result(event.0);
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        let states = elements(topics, count).into_iter().map(|topic| {
            let (mut partitions, mut rights) = (0, 0);
            sys::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
            let allowed =
                sys::rd_kafka_TopicDescription_authorized_operations(topic, &raw mut rights);
            TopicState {
                name: copied(sys::rd_kafka_TopicDescription_name(topic)),
                error: check(doing, sys::rd_kafka_TopicDescription_error(topic))
                    .err()
                    .and_then(|error| error.code()),
                partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
                allowed: operations(allowed, rights),
            }
        });
        Ok(states.collect())
    }
}

/// Asks for the caller's rights too.
///
/// # Safety
/// `options` are those of a request under way.
unsafe fn with_rights(options: *mut Options) -> Result<(), KafkaError> {
    // SAFETY: as above; the error, if any, is destroyed after it was read.
    unsafe {
        let error = sys::rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
        if error.is_null() {
            return Ok(());
        }
        let error = Owned(error, sys::rd_kafka_error_destroy);
        check("asking for rights", error.0)
    }
}

/// What the caller may do with the group; an error if it may not even see it.
pub(super) fn describe_group(
    client: &Client<Watch>,
    limit: Duration,
    group: &str,
) -> Result<Vec<Operation>, KafkaError> {
    let doing = format!("describing group {group}");
    let name = c_string(group)?;
    let event = request(
        client,
        sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
        limit,
        &doing,
        |native, options, queue| {
            let mut groups = [name.as_ptr()];
            // SAFETY: the library copies the names before it returns.
            unsafe {
                with_rights(options)?;
                sys::rd_kafka_DescribeConsumerGroups(
                    native,
                    groups.as_mut_ptr(),
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
        let mut count = 0;
        let result = sys::rd_kafka_event_DescribeConsumerGroups_result(event.0);
        let groups = sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
        let mut allowed = Vec::new();
        for group in elements(groups, count) {
            check(&doing, sys::rd_kafka_ConsumerGroupDescription_error(group))?;
            let mut rights = 0;
            let found = sys::rd_kafka_ConsumerGroupDescription_authorized_operations(
                group,
                &raw mut rights,
            );
            allowed.extend(operations(found, rights));
        }
        Ok(allowed)
    }
}

//! Rights of users.

use std::{ffi::CString, ptr, time::Duration};

use rdkafka::client::Client;
use rdkafka_sys::{
    self as sys, rd_kafka_AclOperation_t as NativeOperation,
    rd_kafka_AclPermissionType_t as Permission, rd_kafka_ResourcePatternType_t as Pattern,
    rd_kafka_ResourceType_t as Kind,
};

use super::{Owned, c_string, check, copied, elements, request};
use crate::{
    admin::acl::{Acl, Operation, Resource},
    error::KafkaError,
    login::Watch,
};

type Binding = Owned<sys::rd_kafka_AclBinding_t>;

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

/// The operation, if this crate knows it.
pub(super) fn operation(native: NativeOperation) -> Option<Operation> {
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
pub(in crate::admin) fn create_acls(
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
pub(in crate::admin) fn describe_acls(
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
pub(in crate::admin) fn delete_acls(
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

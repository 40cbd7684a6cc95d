//! Topics and groups as a broker shows them to the caller, with the caller's rights.

use std::{ffi::CString, time::Duration};

use rdkafka::client::Client;
use rdkafka_sys::{self as sys, rd_kafka_AclOperation_t as NativeOperation};

use super::{Options, Owned, acls::operation, c_string, check, copied, elements, request};
use crate::{
    admin::{acl::Operation, topic::TopicState},
    error::KafkaError,
    login::Watch,
};

fn operations(array: *const NativeOperation, count: usize) -> Vec<Operation> {
    elements(array, count)
        .into_iter()
        .filter_map(operation)
        .collect()
}

/// The topics, with what the caller may do with each; a topic that is not there or not for the caller has an error.
pub(in crate::admin) fn describe_topics(
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
            let infos = sys::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
            let copies = elements(infos, partitions).into_iter().map(|partition| {
                let (mut copies, mut in_sync) = (0, 0);
                sys::rd_kafka_TopicPartitionInfo_replicas(partition, &raw mut copies);
                sys::rd_kafka_TopicPartitionInfo_isr(partition, &raw mut in_sync);
                (copies, in_sync)
            });
            let copies: Vec<(usize, usize)> = copies.collect();
            let replicas = copies.iter().map(|(copies, _)| *copies).min();
            let behind = copies.iter().filter(|(copies, in_sync)| in_sync < copies);
            let allowed =
                sys::rd_kafka_TopicDescription_authorized_operations(topic, &raw mut rights);
            TopicState {
                name: copied(sys::rd_kafka_TopicDescription_name(topic)),
                error: check(doing, sys::rd_kafka_TopicDescription_error(topic))
                    .err()
                    .and_then(|error| error.code()),
                partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
                replicas: i32::try_from(replicas.unwrap_or_default()).unwrap_or(i32::MAX),
                under_replicated: behind.count(),
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
pub(in crate::admin) fn describe_group(
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

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

use crate::{error::KafkaError, login::Watch};

mod acls;
mod describe;
mod scram;

pub(super) use acls::{create_acls, delete_acls, describe_acls};
pub(super) use describe::{describe_group, describe_topics};
pub(super) use scram::{alter_scram, with_scram};

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

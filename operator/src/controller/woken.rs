//! A pass that is polled only when it was woken itself.

use futures::{StreamExt as _, stream::FuturesUnordered};

/// `pass`, polled by its own waker. The queue of a controller polls all that it runs whenever one of them is woken: with dozens
/// under way, of which each is woken by every packet of a handshake, that costs more than the passes.
pub(super) async fn when_woken<T>(pass: impl Future<Output = T> + Send) -> T {
    let mut alone = FuturesUnordered::from_iter([pass]);
    loop {
        // It is there until it has ended.
        if let Some(outcome) = alone.next().await {
            return outcome;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering::Relaxed},
        },
        task::{Context, Poll, Waker},
    };

    use super::*;

    #[test]
    fn what_nobody_woke_is_not_polled() {
        let polls = Arc::new(AtomicU32::new(0));
        let waker = Arc::new(std::sync::Mutex::new(None::<Waker>));
        let (counted, kept) = (polls.clone(), waker.clone());
        let inner = std::future::poll_fn(move |cx| {
            *kept.lock().expect("no panic") = Some(cx.waker().clone());
            match counted.fetch_add(1, Relaxed) {
                0 => Poll::Pending,
                _ => Poll::Ready(7),
            }
        });
        let mut pass = pin!(when_woken(inner));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            assert_eq!(pass.as_mut().poll(&mut cx), Poll::Pending);
        }
        assert_eq!(polls.load(Relaxed), 1);
        waker
            .lock()
            .expect("no panic")
            .take()
            .expect("polled")
            .wake();
        assert_eq!(pass.as_mut().poll(&mut cx), Poll::Ready(7));
    }
}

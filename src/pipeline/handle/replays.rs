//! Dead letters that somebody asks to be tried again.
//!
//! What is asked for while an earlier wish waits is added to it, so there is one at most.

use super::{Handle, runs::Refusal};

/// Which dead letters are to be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Those of this table, as `database.table`; `None` for all.
    pub table: Option<String>,
}

impl Replay {
    fn and(self, other: &Self) -> Self {
        Self { table: self.table.filter(|table| other.table.as_ref() == Some(table)) }
    }
}

impl Handle {
    /// Asks for the rows of dead letters to be read and written again. Comes back at once.
    ///
    /// # Errors
    /// Why that will not happen.
    pub fn replay(&self, replay: Replay) -> Result<(), Refusal> {
        if !self.core().phase.is_up() {
            return Err(Refusal::NotReady);
        }
        if self.shared.steering.is_paused() {
            return Err(Refusal::Paused);
        }
        self.shared.steering.replays.send_modify(|waiting| {
            *waiting = Some(match waiting.take() {
                Some(before) => before.and(&replay),
                None => replay,
            });
        });
        Ok(())
    }

    /// Waits until dead letters are to be tried again; whoever gets the wish fulfils it.
    pub async fn until_replay_is_asked(&self) -> Replay {
        let mut asked = self.shared.steering.replays.subscribe();
        loop {
            if let Some(replay) = self.shared.steering.replays.send_replace(None) {
                return replay;
            }
            if asked.wait_for(Option::is_some).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::handle::Phase;
    use crate::runtime::channel::QueueGauge;

    #[tokio::test]
    async fn wishes_that_wait_become_one() {
        let handle = Handle::new(QueueGauge::default(), false, None);
        let of = |table: &str| Replay { table: Some(table.to_owned()) };
        assert_eq!(handle.replay(of("shop.a")), Err(Refusal::NotReady));
        handle.set_phase(Phase::Streaming);
        handle.replay(of("shop.a")).unwrap();
        handle.replay(of("shop.a")).unwrap();
        assert_eq!(handle.until_replay_is_asked().await, of("shop.a"));
        handle.replay(of("shop.a")).unwrap();
        handle.replay(of("shop.b")).unwrap();
        assert_eq!(handle.until_replay_is_asked().await, Replay { table: None });
        let later = async {
            tokio::task::yield_now().await;
            handle.replay(of("shop.b"))
        };
        let (waited, asked) = tokio::join!(handle.until_replay_is_asked(), later);
        assert_eq!((waited, asked), (of("shop.b"), Ok(())));
        handle.control(|control| control.paused = true);
        assert_eq!(handle.replay(of("shop.b")), Err(Refusal::Paused));
    }
}

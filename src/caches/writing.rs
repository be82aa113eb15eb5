//! How an entry is written: so that it is whole when the process dies meanwhile, and so that it does not push out of a
//! ring what is wanted still.

use super::{CacheAnswer, SharedCache};
use crate::engine::cache_record::CacheRecord;
use crate::engine::redo::LeftEntry;
use crate::engine::ring_log::RingLog;
use crate::httpd::log::Level;
use crate::httpd::{Error, Server};

/// How many old entries are looked at when one is written: three of four in half of a ring may be wanted.
const LOOKS: usize = 4;

impl SharedCache {
    /// Stores an entry.
    pub(super) fn put(
        &self,
        id: &[u8],
        mut record: Vec<u8>,
        expires: i64,
        main: &Server,
    ) -> CacheAnswer<()> {
        let number = self.write(id, &mut record, expires, main)?;
        self.keep_old(id, number, main);
        Ok(())
    }

    /// Writes an entry, and returns the number of the write. Where there is a lock, the caller has it.
    fn write(
        &self,
        id: &[u8],
        record: &mut [u8],
        expires: i64,
        main: &Server,
    ) -> Result<u64, Error> {
        if self.lock.is_none() {
            return self.store.store(id, record, expires, main).map(|()| 0);
        }
        let number = self.log().map_or(0, |log| log.append(id, record.len()));
        CacheRecord::set_write(record, number as u32);
        self.redo.begin(id, record, expires);
        let stored = self.store.store(id, record, expires, main);
        self.redo.end();
        stored.map(|()| number)
    }

    /// Writes entries again that are wanted and near to the end of the ring to which `id` was written, with the number
    /// `end`. It stops at the first one that is not wanted: so as many are looked at as are written. What is large is
    /// left: to write it again would push out much else.
    fn keep_old(&self, id: &[u8], end: u64, main: &Server) {
        let Some(log) = self.log() else { return };
        for _ in 0..LOOKS {
            let Some((old, number)) = log.next_old(id, end) else {
                return;
            };
            let most = self.largest / 4;
            let Ok(Some(mut record)) = self.store.retrieve(&old, most, main) else {
                return;
            };
            let is_last = CacheRecord::write_of(&record) == Some(number as u32);
            let expires = CacheRecord::decode(&old, &record).map(|record| record.expires);
            let Some(expires) = expires.filter(|_| is_last) else {
                return;
            };
            if self.write(&old, &mut record, expires, main).is_err() {
                return;
            }
        }
    }

    fn log(&self) -> Option<RingLog<'_>> {
        let (shape, words) = self.ring.as_ref()?;
        Some(RingLog::new(*shape, words))
    }

    /// Stores what a process was storing when it died.
    #[cold]
    pub(super) fn do_again(&self, left: LeftEntry, main: &Server) {
        let name = &self.line.name;
        let text = match left {
            LeftEntry::Whole(id, record, expires) => {
                match self.store.store(&id, &record, expires, main) {
                    Ok(()) => format!(
                        "a child died while it wrote to the cache {name}: its entry is written now"
                    ),
                    Err(error) => {
                        format!("a child died while it wrote to the cache {name}: {error}")
                    }
                }
            }
            LeftEntry::TooLong => {
                format!("a child died while it wrote to the cache {name}: its entry may be missing")
            }
        };
        self.redo.end();
        main.log(Level::Notice, &text);
    }
}

//! Why a cache does not do what it is asked for.

use std::fmt;

use crate::httpd::Error;
use crate::httpd::server::mutex::LockRefusal;

/// Why something was not done.
#[derive(Debug)]
pub enum CacheRefusal {
    /// The value has so many bytes, and there is room for so many.
    TooLarge(usize, usize),
    /// The provider cannot do it without a race.
    NotAtomic,
    /// The value is no integer.
    NotNumber,
    /// The sum has more than 64 bits.
    Overflow,
    /// Of the lock.
    Lock(LockRefusal),
    /// Of the provider.
    Provider(Error),
}

impl From<Error> for CacheRefusal {
    fn from(error: Error) -> Self {
        Self::Provider(error)
    }
}

impl fmt::Display for CacheRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(bytes, most) => write!(
                f,
                "the value has {bytes} bytes, and there is room for {most} beside this key"
            ),
            Self::NotAtomic => f.write_str(
                "add() and incr() would not be atomic there, since other machines can write at the same time: use \
                 shmcb or dbm, or a client library of the engine's",
            ),
            Self::NotNumber => f.write_str("incr() takes values that are an int of 64 bits"),
            Self::Overflow => f.write_str("the sum has more than 64 bits"),
            Self::Lock(refusal) => write!(f, "its lock {refusal}"),
            Self::Provider(error) => write!(f, "its provider fails: {error}"),
        }
    }
}

/// What an operation answers.
pub type CacheAnswer<T> = Result<T, CacheRefusal>;

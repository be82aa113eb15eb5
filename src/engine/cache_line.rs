//! `PythonCache`: a line as it was written.

use std::time::Duration;

use super::key_values::size;

/// How long an entry lives where nothing says it: a day.
const TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest time to live: ten years.
pub const LONGEST_TTL: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// The longest name: httpd's providers take 14 characters, a colon and a NUL (`ap_socache.h`).
const LONGEST_NAME: usize = 14;
/// What to write.
const FORM: &str =
    "write PythonCache name shmcb:path(bytes), dbm:path, redis:host:port or memcache:host:port";
/// The size of a cache of shmcb that says none.
const SHMCB_BYTES: usize = 512 << 10;
/// The providers that httpd's own modules bring: `mod_socache_NAME`.
const OF_HTTPD: [&str; 5] = ["shmcb", "dbm", "redis", "memcache", "dc"];

/// A cache as a line of the configuration declares it.
#[derive(Debug, PartialEq, Eq)]
pub struct CacheLine {
    /// Its name, for Python and for its provider.
    pub name: String,
    /// The name of the provider.
    pub provider: String,
    /// What the provider is told; empty for nothing.
    pub argument: String,
    /// How long an entry lives that does not say it.
    pub ttl: Duration,
    /// Where the line stands.
    pub source: String,
}

impl CacheLine {
    /// Reads the arguments of a line.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(words: &[String], source: &str) -> Result<Self, String> {
        let (name, provider, ttl) = match words {
            [name, provider] => (name, provider, TTL),
            [name, provider, ttl] => (name, provider, ttl_of(ttl)?),
            _ => return Err(format!("takes a name and a provider: {FORM}")),
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_name) {
            return Err(format!(
                "the name of a cache has 1 to {LONGEST_NAME} letters, digits, '_' or '-', unlike '{name}': {FORM}"
            ));
        }
        let (provider, argument) = provider.split_once(':').unwrap_or((provider, ""));
        if provider.is_empty() {
            return Err(format!("'{name}' has no provider: {FORM}"));
        }
        let argument = match provider {
            "shmcb" => bytes_in_digits(argument),
            "redis" | "memcache" => {
                check_hosts(provider, argument)?;
                argument.to_owned()
            }
            _ => argument.to_owned(),
        };
        Ok(Self {
            name: name.clone(),
            provider: provider.to_owned(),
            argument,
            ttl,
            source: source.to_owned(),
        })
    }

    /// Refuses a cache that cannot be there beside an earlier one.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn suits(&self, earlier: &Self) -> Result<(), String> {
        if self.name == earlier.name {
            return Err(format!(
                "there is a cache '{}' at {} already: write another name",
                self.name, earlier.source
            ));
        }
        if self.is_dbm() && earlier.is_dbm() && self.argument == earlier.argument {
            return Err(format!(
                "the cache '{}' at {} has the file {} already: write another path",
                earlier.name, earlier.source, self.argument
            ));
        }
        Ok(())
    }

    /// Whether its entries are in a file of one of the dbm libraries.
    pub fn is_dbm(&self) -> bool {
        self.provider == "dbm"
    }

    /// The size of its shared memory in bytes, if it is of shmcb.
    pub fn memory(&self) -> Option<usize> {
        let size = bytes_of(&self.argument).unwrap_or(SHMCB_BYTES);
        (self.provider == "shmcb").then_some(size)
    }

    /// The longest time to live that its provider understands: memcached takes more than 30 days for a time of day.
    pub fn longest_ttl(&self) -> Duration {
        match self.provider.as_str() {
            "memcache" => Duration::from_secs(30 * 24 * 60 * 60),
            _ => LONGEST_TTL,
        }
    }

    /// What is to be said where no module of httpd's has the provider.
    pub fn unknown_provider(&self) -> String {
        let provider = &self.provider;
        match OF_HTTPD.contains(&provider.as_str()) {
            true => format!(
                "no module has the provider '{provider}': load mod_socache_{provider}, as in LoadModule \
                 socache_{provider}_module modules/mod_socache_{provider}.so"
            ),
            false => format!("no module has the provider '{provider}': {FORM}"),
        }
    }
}

fn ttl_of(word: &str) -> Result<Duration, String> {
    let seconds = word.strip_prefix("ttl=").and_then(|text| text.parse().ok());
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.filter(|time| !time.is_zero() && *time <= LONGEST_TTL)
        .ok_or_else(|| {
            format!("takes ttl= with a number of seconds behind the provider, as in ttl=3600, not '{word}'")
        })
}

/// The number in the brackets at the end of an argument of shmcb.
fn bytes_of(argument: &str) -> Option<usize> {
    let (_, number) = argument.strip_suffix(')')?.rsplit_once('(')?;
    size(number)
}

/// The argument of shmcb with a size such as 64M in digits, as shmcb has it.
fn bytes_in_digits(argument: &str) -> String {
    match (bytes_of(argument), argument.rsplit_once('(')) {
        (Some(bytes), Some((path, _))) => format!("{path}({bytes})"),
        _ => argument.to_owned(),
    }
}

/// Refuses what is no list of hosts and ports; httpd's own modules say it only when they start.
fn check_hosts(provider: &str, argument: &str) -> Result<(), String> {
    let is_host = |text: &str| {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (text, "1"),
        };
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    match argument.split(',').all(is_host) {
        true => Ok(()),
        false => Err(format!(
            "{provider} takes hosts with their ports, as in {provider}:127.0.0.1:{}, not '{argument}'",
            if provider == "redis" { 6379 } else { 11211 }
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<CacheLine, String> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        CacheLine::parse(&words, "test.conf:1")
    }

    #[test]
    fn a_line_has_a_name_a_provider_and_perhaps_a_time() {
        let line = parse("hits shmcb:run/hits(64K) ttl=1.5").unwrap();
        assert_eq!(
            (line.name.as_str(), line.provider.as_str()),
            ("hits", "shmcb")
        );
        assert_eq!(line.argument, "run/hits(65536)");
        assert_eq!(line.memory(), Some(65536));
        assert_eq!(line.ttl, Duration::from_millis(1500));
        let plain = parse("hits shmcb").unwrap();
        assert_eq!(
            (plain.argument.as_str(), plain.memory()),
            ("", Some(512 << 10))
        );
        assert_eq!(plain.ttl, TTL);
        assert_eq!(parse("hits shmcb:a(x)").unwrap().argument, "a(x)");
        assert_eq!(
            parse("far redis:one,two:7,[::1]:8").unwrap().argument,
            "one,two:7,[::1]:8"
        );
        assert_eq!(parse("far redis:[::1]").unwrap().memory(), None);
        assert!(parse("a memcache:x").unwrap().longest_ttl() < LONGEST_TTL);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |line: &str| parse(line).unwrap_err();
        assert!(said("hits").starts_with("takes a name and a provider: write PythonCache"));
        assert!(said("a b c d").starts_with("takes a name and a provider"));
        assert!(said("a.b shmcb").contains("unlike 'a.b'"));
        assert!(said("a23456789012345 shmcb").contains("1 to 14"));
        assert!(said("a :x").contains("'a' has no provider"));
        for ttl in ["ttl=0", "ttl=-1", "ttl=nan", "ttl=x", "60", "ttl=1e12"] {
            assert!(
                said(&format!("a shmcb {ttl}")).contains("as in ttl=3600"),
                "{ttl}"
            );
        }
        for hosts in ["", ":1", "h:0", "h:x", "h:1,", "h:70000"] {
            assert!(said(&format!("a redis:{hosts}")).contains("redis:127.0.0.1:6379"));
        }
    }

    #[test]
    fn two_caches_have_two_names_and_two_files() {
        let same = parse("a redis:h")
            .unwrap()
            .suits(&parse("a shmcb").unwrap());
        assert!(same.unwrap_err().contains("at test.conf:1 already"));
        let file = parse("a dbm:x").unwrap().suits(&parse("b dbm:x").unwrap());
        assert!(file.unwrap_err().contains("has the file x already"));
        assert_eq!(
            parse("a dbm:x").unwrap().suits(&parse("b dbm:y").unwrap()),
            Ok(())
        );
        assert_eq!(
            parse("a redis:h")
                .unwrap()
                .suits(&parse("b redis:h").unwrap()),
            Ok(())
        );
    }

    #[test]
    fn a_module_to_load_is_named() {
        let known = parse("a redis:h").unwrap().unknown_provider();
        assert!(known.contains("load mod_socache_redis, as in LoadModule socache_redis_module"));
        let unknown = parse("a reddis:h").unwrap().unknown_provider();
        assert!(unknown.starts_with("no module has the provider 'reddis': write PythonCache name"));
    }
}

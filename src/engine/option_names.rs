//! The keys of `PythonOption` that are the module's own, and which of them a misspelt one means.

const PREFIX: &str = "mod_python.";

/// The keys, without the prefix.
const NAMES: [&str; 39] = [
    "cache_session.cache",
    "dbm_session.database_directory",
    "dbm_session.database_filename",
    "event_loop",
    "file_session.cleanup_grace_period",
    "file_session.cleanup_time_limit",
    "file_session.database_directory",
    "file_session.enable_fast_cleanup",
    "file_session.verify_session_timeout",
    "form.max_fields",
    "form.max_file_size",
    "form.max_files",
    "form.max_memory",
    "form.spool_size",
    "location_shortcut",
    "mutex_directory", // of mod_python 3.5: another warning tells of it
    "mutex_locks",
    "psp.autoescape",
    "psp.cache_database_filename", // of mod_python 3.5: without it all is as it was
    "psp.encoding",
    "redis_session.lock_seconds",
    "redis_session.prefix",
    "redis_session.url",
    "session.application_domain",
    "session.application_path",
    "session.cookie_httponly",
    "session.cookie_name",
    "session.cookie_samesite",
    "session.cookie_secure",
    "session.database_directory",
    "session.format",
    "session.key_file",
    "session.lock_timeout",
    "session.session_type",
    "sql_session.table",
    "sql_session.url",
    "testhandler",
    "wsgi.application",
    "wsgi.base_uri",
];
/// What has taken the place of keys of earlier versions.
const REPLACED: [(&str, &str); 1] = [("importer.path", "write its folders into PythonPath")];
/// How many letters of a misspelt key may be wrong, missing or too many.
const MISSPELT: usize = 3;

/// What to say of a key that begins as the module's own and is none of them; `None` for all other keys.
pub fn advice(key: &str) -> Option<String> {
    let small = key.to_ascii_lowercase();
    let name = small.strip_prefix(PREFIX)?;
    if NAMES.contains(&name) {
        return None;
    }
    if let Some((_, instead)) = REPLACED.iter().find(|(old, _)| *old == name) {
        return Some((*instead).to_owned());
    }
    let likely = NAMES
        .iter()
        .map(|one| (strsim::levenshtein(name, one), one))
        .min()
        .filter(|(letters, _)| *letters <= MISSPELT);
    Some(match likely {
        Some((_, one)) => format!("write {PREFIX}{one}"),
        None => "mod_python has no such option".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_key_and_one_of_others_need_no_advice() {
        for key in [
            "mod_python.session.session_type",
            "MOD_PYTHON.Form.Max_Files",
            "mod_python.wsgi.application",
            "shop",
            "mod_pythonic.session",
        ] {
            assert_eq!(advice(key), None, "{key}");
        }
    }

    #[test]
    fn a_misspelt_key_is_told_which_one_is_meant() {
        let said = |key| advice(key).expect("it is no key");
        assert_eq!(
            said("mod_python.session.session_typ"),
            "write mod_python.session.session_type"
        );
        assert_eq!(
            said("mod_python.Form.max_filesize"),
            "write mod_python.form.max_file_size"
        );
        assert_eq!(
            said("mod_python.importer.path"),
            "write its folders into PythonPath"
        );
        assert_eq!(said("mod_python.colour"), "mod_python has no such option");
        assert_eq!(said("mod_python."), "mod_python has no such option");
    }
}

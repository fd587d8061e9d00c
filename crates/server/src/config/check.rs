//! Rules over more than one setting. They run on whatever could be read, so that one fault does not hide another.

use crate::secret::KeyBytes;

use super::resolve::Resolved;
use super::table::Draft;
use super::value::RateLimitBackend;

pub(super) fn cross_check(draft: &Draft, resolved: &mut Resolved) {
    tls_files_come_in_pairs(draft, resolved);
    plain_http_stays_on_this_machine(draft, resolved);
    keys_fit_the_algorithm(draft, resolved);
    redis_has_an_address(draft, resolved);
}

fn tls_files_come_in_pairs(draft: &Draft, resolved: &mut Resolved) {
    match (&draft.tls_cert_file, &draft.tls_key_file) {
        (Some(Some(_)), Some(None)) => {
            resolved.fault("TLS_KEY_FILE", "must be given too, since TLS_CERT_FILE is".to_owned());
        }
        (Some(None), Some(Some(_))) => {
            resolved.fault("TLS_CERT_FILE", "must be given too, since TLS_KEY_FILE is".to_owned());
        }
        _ => {}
    }
}

fn plain_http_stays_on_this_machine(draft: &Draft, resolved: &mut Resolved) {
    let (Some(host), Some(cert), Some(key), Some(proxied)) =
        (draft.host, &draft.tls_cert_file, &draft.tls_key_file, draft.behind_tls_proxy)
    else {
        return;
    };
    // Half a pair has its own fault: the operator wants TLS.
    let wants_tls = cert.is_some() || key.is_some();
    if !host.is_loopback() && !wants_tls && !proxied {
        let message = format!(
            "{host} can be reached from other machines, and passwords and tokens would cross the network in clear: \
             set TLS_CERT_FILE and TLS_KEY_FILE, or BEHIND_TLS_PROXY=true when a proxy speaks TLS, or HOST=127.0.0.1"
        );
        resolved.fault("HOST", message);
    }
}

fn keys_fit_the_algorithm(draft: &Draft, resolved: &mut Resolved) {
    let Some(algorithm) = draft.jwt_algorithm else {
        return;
    };
    let misfit = |key: &KeyBytes| key.fits(algorithm).err();
    if let Some(message) = draft.jwt_secret_key.iter().flatten().find_map(misfit) {
        resolved.fault("JWT_SECRET_KEY", message);
    }
    if let Some(message) = draft.jwt_verification_keys.iter().flatten().find_map(misfit) {
        resolved.fault("JWT_VERIFICATION_KEYS", message);
    }
}

fn redis_has_an_address(draft: &Draft, resolved: &mut Resolved) {
    if draft.rate_limit_backend == Some(RateLimitBackend::Redis) && matches!(draft.rate_limit_redis_url, Some(None)) {
        resolved.fault("RATE_LIMIT_REDIS_URL", "must be given, since RATE_LIMIT_BACKEND is redis".to_owned());
    }
}

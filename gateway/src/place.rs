//! Which part of the house a request is for: that decides who is let in, and how.

/// A part of the house, by the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Probes and measurements: never limited.
    Ops,
    /// The document of the API and the page to try it.
    Docs,
    /// Where a login begins or (`renewal`) goes on: fewer requests, and no token is needed.
    Login {
        /// Whether tokens are exchanged for new ones.
        renewal: bool,
    },
    /// The rest of the API.
    Api,
    /// Pages for browsers.
    Pages,
    /// The pages on which a browser's login begins, or a forgotten password is chosen anew.
    LoginPage,
}

impl Place {
    /// The place of `path`.
    pub fn of(path: &str) -> Self {
        match path {
            "/healthz" | "/readyz" | "/metrics" => Self::Ops,
            "/openapi.json" | "/docs" => Self::Docs,
            "/v1/auth/refresh" => Self::Login { renewal: true },
            "/v1/auth/login" | "/v1/auth/register" | "/v1/auth/verify-email" => {
                Self::Login { renewal: false }
            }
            "/login" | "/register" => Self::LoginPage,
            // Their forms ask for letters, or bring what came by one.
            "/forgot-password" | "/reset-password" | "/verify-email" => Self::LoginPage,
            _ if path.starts_with("/docs/") => Self::Docs,
            _ if path.starts_with("/v1/auth/password/") => Self::Login { renewal: false },
            _ if path == "/v1" || path.starts_with("/v1/") => Self::Api,
            _ if path.starts_with("/.well-known/") => Self::Api,
            _ => Self::Pages,
        }
    }
    /// Whether browsers look at it, who send a cookie and want a page.
    pub const fn is_page(self) -> bool {
        matches!(self, Self::Pages | Self::LoginPage)
    }
    /// Whether programs ask there, who want JSON whatever happens.
    pub const fn is_api(self) -> bool {
        matches!(self, Self::Api | Self::Login { .. } | Self::Ops)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_its_place() {
        for (path, place) in [
            ("/", Place::Pages),
            ("/v1x", Place::Pages),
            ("/docs/index.html", Place::Docs),
            ("/docsx", Place::Pages),
            ("/v1/products", Place::Api),
            ("/.well-known/jwks.json", Place::Api),
            ("/v1/auth/logout", Place::Api),
            ("/v1/auth/login", Place::Login { renewal: false }),
            ("/v1/auth/password/forgot", Place::Login { renewal: false }),
            ("/v1/auth/password/reset", Place::Login { renewal: false }),
            ("/v1/auth/verify-email", Place::Login { renewal: false }),
            ("/v1/me/verify-email", Place::Api),
            ("/reset-password", Place::LoginPage),
            ("/v1/auth/refresh", Place::Login { renewal: true }),
            ("/readyz", Place::Ops),
        ] {
            assert_eq!(Place::of(path), place, "{path}");
        }
    }
}

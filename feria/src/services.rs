//! The services, each by its plug. Nothing else in the house knows them all.
use crate::Failure;
use kit::plug::Service;

/// All services.
pub fn services() -> Vec<Box<dyn Service>> {
    vec![
        Box::new(identity::plug()),
        Box::new(catalog::plug()),
        Box::new(inventory::plug()),
        Box::new(cart::plug()),
        Box::new(orders::plug()),
        Box::new(payments::plug()),
        Box::new(notifications::plug()),
    ]
}

/// Looks at the services that are named for `feria serve`.
/// # Errors
/// When one is unknown, or when some are left out.
pub fn check(wanted: &[String]) -> Result<(), Failure> {
    let all: Vec<&str> = services().iter().map(|service| service.name()).collect();
    if let Some(unknown) = wanted.iter().find(|wanted| !all.contains(&wanted.as_str())) {
        let known = all.join(", ");
        return Err(Failure::input(format!("no service is called {unknown}; there are {known}")));
    }
    let missing: Vec<&str> =
        all.iter().copied().filter(|name| !wanted.iter().any(|wanted| wanted == name)).collect();
    if wanted.is_empty() || missing.is_empty() {
        return Ok(());
    }
    Err(Failure::input(format!(
        "a store without {} would need the others at http:// URLs and events on kafka://, which \
         this version cannot serve: name all services, or none",
        missing.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_names(names: &[&str]) -> Result<(), String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        check(&names).map_err(|failure| failure.to_string())
    }

    #[test]
    fn all_services_or_none_are_named() {
        let all: Vec<_> = services().iter().map(|service| service.name()).collect();
        assert_eq!(check_names(&[]), Ok(()));
        assert_eq!(check_names(&all), Ok(()));
        assert!(check_names(&["orders", "billing"]).unwrap_err().contains("called billing"));
        let some = check_names(&all[1..]).unwrap_err();
        assert!(
            some.contains("kafka://") && some.contains(all[0]) && !some.contains('\n'),
            "{some}"
        );
    }
}

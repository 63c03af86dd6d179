//! The pages for shoppers: one page, one file, with its form, its handlers and what it shows.
pub mod assets;
pub mod card;
pub mod cart;
pub mod checkout;
pub mod covers;
pub mod home;
pub mod login;
pub mod notifications;
pub mod order;
pub mod orders;
pub mod product;
pub mod receipt;
pub mod register;
pub mod search;
pub mod wallet;

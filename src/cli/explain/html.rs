//! stub
use super::account::Account;
pub(super) fn render(account: &Account) -> String { account.id.to_owned() }

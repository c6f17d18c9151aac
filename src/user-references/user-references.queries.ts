/** The users that went to Kiip as other features may join them in SQL. */
export const USERS_SENT_TO_KIIP = '(select user_id_hash, user_id, reference from kiip_user_references)';

insert into issuances (transaction_id, signature, content, name, quantity, user_id)
  values (gen_random_uuid()::text, gen_random_uuid()::text, '5473ca54-59a5-cf65-d319-c91697297fcc', 'Coins', 20, 'u_000123')
  on conflict do nothing returning id;

/*
 * What a renewal makes of an answer: the next request, a token, or a failure.
 */
#include "lua/renewal.h"

#include <math.h>
#include <string.h>

/* Many servers do not decode what RFC 6749 2.3.1 has clients encode. */
static const char *hint_of(const bearer_renewal *r, const bearer_failure *failure) {
  static const char by_input[] =
      "what Basic carries was form-encoded, as RFC 6749 2.3.1 asks: if this server does "
      "not decode it, auth = \"basic_raw\" helps";
  static const char by_definition[] =
      "what Basic carries was form-encoded, as RFC 6749 2.3.1 asks: if this server does "
      "not decode it, leave 'encode' out";
  const bearer_names *names = &r->def->names;
  int is_it = strcmp(failure->own_code, "invalid_client") == 0 ||
              (failure->status == 401 && strcmp(failure->own_code, "invalid_grant") != 0);
  if (!r->has_encoded_basic || failure->class != BEARER_TERMINAL || !is_it)
    return NULL;
  return bearer_definition_is_input(r->def, bearer_names_find(names, "auth", 4))
             ? by_input
             : by_definition;
}

bearer_progress bearer_renewal_not_usable(bearer_renewal_frame *f, bearer_answer *a) {
  f->r->failure = a->failure;
  f->r->failure.hint = hint_of(f->r, &a->failure);
  f->details = a->details;
  return bearer_renewal_fail(f, a->is_considered);
}

static int is_rotated(bearer_renewal_frame *f, const bearer_found *found) {
  const bearer_var *sent = bearer_vars_get(&f->r->vars, BEARER_NAME_REFRESH_TOKEN);
  size_t size;
  const char *text;
  if (found->refresh_token == 0)
    return 0;
  text = lua_tolstring(f->c.L, found->refresh_token, &size);
  return sent == NULL || sent->value.size != size ||
         memcmp(sent->value.data, text, size) != 0;
}

/* The token that is to be replaced, or NULL: the slot keeps it. */
static const bearer_token *old_token(bearer_renewal_frame *f) { /* [-0, +0, -] */
  const bearer_token *old;
  bearer_get_slot(f->c.L, 1, BEARER_RENEWAL_OLD);
  old = bearer_token_test(f->c.L, -1);
  lua_pop(f->c.L, 1);
  return old;
}

/* What of the old token a refresh prolongs; 0: it prolongs none, or that is gone. */
static int find_prolonged(const bearer_renewal *r, const bearer_token *old,
                          bearer_prolonged *p) {
  if (!r->is_refresh || !r->def->refresh.list[r->index].prolongs || old == NULL)
    return 0;
  p->value = bearer_vars_get(&r->vars, BEARER_NAME_TOKEN);
  p->type = old->type;
  p->scope = old->scope;
  p->life = old->life;
  return p->value != NULL;
}

static int is_same(bearer_renewal_frame *f, const bearer_token *old,
                   const bearer_found *found) {
  size_t size;
  const char *text = lua_tolstring(f->c.L, found->value, &size);
  const bearer_var *before = bearer_vars_get(&old->vars, BEARER_NAME_TOKEN);
  return before != NULL && before->value.size == size &&
         memcmp(before->value.data, text, size) == 0;
}

/* To ask for the same token again before its end would bring it once more. */
static void use_to_the_end(double left, bearer_found *found) {
  found->is_to_the_end = 1;
  if (found->lifetime <= 0 || found->lifetime > left)
    found->lifetime = left;
}

/* Its last moments went by on the way: it would not be handed out any more. */
static int ended_on_the_way(const bearer_renewal *r, const bearer_found *found) {
  bearer_freshness f;
  bearer_freshness_set(&f, r->sent_at, found->lifetime, r->leeway, 0);
  if (found->is_to_the_end)
    bearer_freshness_to_the_end(&f);
  return bearer_freshness_at(&f, bearer_now(r->job.state)) == BEARER_EXPIRED;
}

/* A server that gives out the same token until it dies: what it says now can keep or
   shorten the token's end, not lengthen or lose it, unless that end is over. 0 seconds
   after a known life are the end, and so is one that is named and over. */
static void compare_with_old(bearer_renewal_frame *f, const bearer_token *old,
                             bearer_found *found, int is_prolonged) {
  double left;
  if (isinf(old->freshness.end) || !is_same(f, old, found))
    return;
  left = old->freshness.end - f->r->sent_at;
  found->is_same = !is_prolonged;
  if (found->is_same && left > 0)
    use_to_the_end(left, found);
  found->is_over |= (found->is_zero && !old->was_zero) ||
                    (found->is_same && found->is_dead && !old->was_dead) ||
                    (found->is_same && ended_on_the_way(f->r, found));
}

/* A refresh token that stays keeps its end as well. */
static void keep_refresh_end(const bearer_renewal *r, const bearer_token *old,
                             bearer_found *found) {
  if (r->is_refresh && found->refresh_token == 0 && found->refresh_lifetime <= 0 &&
      !isinf(old->freshness.refresh_end))
    found->refresh_lifetime = old->freshness.refresh_end - r->sent_at;
}

/* A token that was over when it came. These may be the last moments of the old one: then
   there is another in a second. */
static bearer_progress over(bearer_renewal_frame *f, bearer_answer *a,
                            const bearer_found *found) {
  bearer_renewal *r = f->r;
  double later = bearer_now(r->job.state) + 1;
  if ((found->is_zero || found->is_same) && !bearer_renewal_spends(r) &&
      !r->asked_at_the_end && later < r->job.deadline) {
    r->asked_at_the_end = 1;
    return bearer_renewal_try_again(r, later);
  }
  bearer_refusal_broken(a, "the answer holds a token, but it had expired when it came");
  a->is_considered = 1;
  return bearer_renewal_not_usable(f, a);
}

static bearer_progress take_token(bearer_renewal_frame *f, bearer_answer *a) {
  bearer_renewal *r = f->r;
  lua_State *L = f->c.L;
  bearer_found found;
  bearer_prolonged prolonged;
  const bearer_token *old = old_token(f);
  bearer_token *t;
  char why[160];
  int is_prolonged = find_prolonged(r, old, &prolonged);
  if (!bearer_read_token(a, is_prolonged ? &prolonged : NULL, &found))
    return bearer_renewal_not_usable(f, a);
  if (old != NULL) {
    compare_with_old(f, old, &found, is_prolonged);
    keep_refresh_end(r, old, &found);
  }
  if (found.is_over)
    return over(f, a, &found);
  bearer_read_keep(a, &r->def->keep);
  if (bearer_token_fault(r->def, &r->vars, why, sizeof(why))) {
    bearer_refusal_no_token(a, why, 0);
    return bearer_renewal_not_usable(f, a);
  }
  if (found.lifetime > 0 &&
      bearer_now(r->job.state) - r->sent_at > found.lifetime / 2) /* it may be too late */
    bearer_send_about(&r->sending, &r->vars, &r->failure);
  r->is_rotated = is_rotated(f, &found);
  t = bearer_token_new(L, r->job.state, f->login, f->c.provider, f->options, r->def);
  if (!bearer_token_fill(L, t, &r->vars, &found, r->sent_at, r->leeway,
                         bearer_state_random(r->job.state)))
    luaL_error(L, "not enough memory");
  r->succeeded = 1;
  r->odd = found.odd;
  if (found.odd != 0)
    memcpy(r->odd_kind, found.odd_kind, sizeof(r->odd_kind));
  bearer_renewal_conclude(r);
  r->listener->succeeded(L, r, lua_gettop(L));
  return BEARER_HAS_ENDED;
}

bearer_progress bearer_renewal_read(bearer_renewal_frame *f) {
  bearer_renewal *r = f->r;
  const bearer_exchanges *all = bearer_renewal_requests(r);
  const bearer_exchange *x = &all->list[r->index];
  bearer_answer a;
  bearer_read(&a, &f->c, &r->sending.response);
  if (!bearer_read_judge(&a, x))
    return bearer_renewal_not_usable(f, &a);
  if (lua_isnil(f->c.L, a.root) && x->keep.count > 0) {
    bearer_refusal_unreadable(&a);
    return bearer_renewal_not_usable(f, &a);
  }
  bearer_read_keep(&a, &x->keep);
  if (r->index == all->count - 1)
    return take_token(f, &a);
  r->index++;
  r->step = BEARER_RENEWAL_SEND;
  return BEARER_GO_ON;
}

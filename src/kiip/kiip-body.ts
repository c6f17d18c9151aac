import type { Config } from '../config/config.js';
import type { KiipMomentRequestDto } from './moment.dto.js';
import type { KiipSessionRequestDto } from './session.dto.js';

type Settings = Pick<Config, 'kiipAppKey' | 'kiipSdkVersion' | 'kiipTestMode'>;

/**
 * The body that goes to Kiip: the caller's members, and ours. `undefined` members vanish in JSON.
 * @param userid what stands for the user at Kiip
 */
export function kiipBody(
  call: KiipSessionRequestDto | KiipMomentRequestDto,
  userid: string | undefined,
  settings: Settings,
): object {
  const { app, connection, device, location, user, close_button, email_address } = call;
  return {
    app: { app_key: settings.kiipAppKey, version: app.version },
    connection,
    device,
    location,
    moment: 'moment' in call ? call.moment : undefined,
    // "Unless explicitly set to 0 or false the reward close button will be present."
    close_button: close_button === false ? false : undefined,
    email_address,
    sdk_version: settings.kiipSdkVersion,
    test: settings.kiipTestMode,
    user: user && { age: user.age, gender: user.gender, userid },
    events: 'events' in call ? call.events : undefined,
  };
}

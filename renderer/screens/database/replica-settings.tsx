// Settings of one database at one destination: how soon, how often a snapshot, how much of the history stays – with what
// would remain, before anything is saved.
import type { ReactNode } from 'react';
import type { DatabaseState } from '../../../shared/databases.ts';
import { defaultRetention, type Retention } from '../../../shared/retention.ts';
import { closeReplica, saveReplicaSettings, setIntervals, setRetention } from '../../actions/replicas.ts';
import { Button } from '../../components/button.tsx';
import { Columns } from '../../components/columns.tsx';
import { DialogButtons } from '../../components/dialog-buttons.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { OptionCards } from '../../components/option-cards.tsx';
import { SelectField } from '../../components/select-field.tsx';
import { selectTarget } from '../../store/selectors.ts';
import { type SettingsDraft, useStore } from '../../store/store.ts';
import styles from './replica-settings.module.css';
import {
  dailyChoices,
  retentionSentence,
  snapshotChoices,
  syncChoices,
  weeklyChoices,
  windowChoices,
} from './replica-words.ts';
import { RetentionForecast } from './retention-forecast.tsx';

interface ReplicaSettingsProps {
  readonly draft: SettingsDraft;
  readonly database: DatabaseState;
}

type Thinned = Extract<Retention, { kind: 'thinned' }>;

const kinds = [
  { key: 'keep-all', title: 'Everything', about: 'Nothing is ever deleted' },
  { key: 'thinned', title: 'Less, the older it is', about: 'Every transaction for a while, then snapshots' },
] as const;

export function ReplicaSettings({ draft, database }: ReplicaSettingsProps): ReactNode {
  const name = useStore(selectTarget(draft.targetId))?.name ?? 'its destination';
  const { syncIntervalMs, snapshotIntervalMs, retention, isSaving, error } = draft;
  return (
    <Dialog title={`${database.name} at ${name}`} onClose={closeReplica}>
      <div className={styles.sections}>
        <Columns>
          <SelectField
            label="Changes are sent"
            choices={syncChoices(syncIntervalMs)}
            chosen={String(syncIntervalMs)}
            onChoose={(key) => setIntervals({ syncIntervalMs: Number(key) })}
            about="Changes that come close together are sent together; fewer requests, where each one costs."
          />
          <SelectField
            label="A new snapshot"
            choices={snapshotChoices(snapshotIntervalMs)}
            chosen={String(snapshotIntervalMs)}
            onChoose={(key) => setIntervals({ snapshotIntervalMs: Number(key) })}
            about="While there are changes; sooner where they amount to more than the database. Restores begin with one."
          />
        </Columns>
        <section className={styles.section} aria-label="What is kept">
          <h3 className={styles.heading}>What is kept</h3>
          <OptionCards
            label="What is kept"
            options={kinds}
            chosen={retention.kind}
            isRow
            onChoose={(kind) => setRetention(kind === 'keep-all' ? { kind } : thinnedOf(draft))}
          />
          {retention.kind === 'thinned' && <Thinning retention={retention} />}
          <p className={styles.sentence}>{retentionSentence(retention)}</p>
        </section>
        <RetentionForecast draft={draft} />
      </div>
      <ErrorNote error={error} />
      <DialogButtons>
        <Button onPress={closeReplica}>Cancel</Button>
        <Button kind="primary" isPending={isSaving} onPress={() => void saveReplicaSettings()}>
          {isSaving ? 'Saving…' : 'Save settings'}
        </Button>
      </DialogButtons>
    </Dialog>
  );
}

function Thinning({ retention }: { readonly retention: Thinned }): ReactNode {
  const { windowMs, dailyMs, weeklyMs } = retention;
  return (
    <Columns count={3}>
      <SelectField
        label="Every transaction"
        choices={windowChoices(windowMs)}
        chosen={String(windowMs)}
        onChoose={(key) => setRetention({ ...retention, windowMs: Number(key) })}
      />
      <SelectField
        label="A snapshot a day"
        choices={dailyChoices(dailyMs)}
        chosen={String(dailyMs)}
        onChoose={(key) => setRetention({ ...retention, dailyMs: Number(key) })}
      />
      <SelectField
        label="A snapshot a week"
        choices={weeklyChoices(weeklyMs)}
        chosen={String(weeklyMs)}
        onChoose={(key) => setRetention({ ...retention, weeklyMs: Number(key) })}
      />
    </Columns>
  );
}

function thinnedOf({ retention }: SettingsDraft): Retention {
  return retention.kind === 'thinned' ? retention : defaultRetention;
}
